import { describe, expect, it } from "vitest";
import { parseBlocks, parseInlines } from "./markdown.ts";

/** Blocks and pieces in a short notation. */
function outline(text: string): string[] {
  return parseBlocks(text).map((block) => {
    switch (block.kind) {
      case "code":
        return `code ${JSON.stringify(block.text)}`;
      case "list":
        return `${block.ordered ? `ol${block.start}` : "ul"} ${block.items.map(notation).join(" | ")}`;
      default:
        return `${block.kind} ${notation(block.inlines)}`;
    }
  });
}

const MARKS = { text: "", bold: "B", emphasis: "E", code: "C" } as const;

function notation(inlines: ReturnType<typeof parseInlines>): string {
  return inlines.map(({ kind, text }) => (MARKS[kind] ? `${MARKS[kind]}[${text}]` : text)).join("");
}

describe("inline", () => {
  it.each([
    ["plain", "plain"],
    ["a **b** c", "a B[b] c"],
    ["*e* and **b**", "E[e] and B[b]"],
    ["`**not bold**`", "C[**not bold**]"],
    ["``a`b``", "C[a`b]"],
    ["**open", "**open"],
    ["`open", "`open"],
    ["2 * 3 * 4", "2 * 3 * 4"],
    ["** not **", "** not **"],
    ["<b onclick=x>", "<b onclick=x>"],
    ["", ""],
  ])("%j", (text, expected) => expect(notation(parseInlines(text))).toBe(expected));
});

describe("blocks", () => {
  it.each<[string, string[]]>([
    ["", []],
    ["one\ntwo\n\nthree", ["paragraph one\ntwo", "paragraph three"]],
    ["# Title\ntext", ["heading Title", "paragraph text"]],
    ["- a\n- **b**\n  more", ["ul a | B[b] more"]],
    ["3. a\n4) b", ["ol3 a | b"]],
    ["- a\n1. b", ["ul a", "ol1 b"]],
    ["said:\n> a **b**\n>c\n\n> d", ["paragraph said:", "quote a B[b]\nc", "quote d"]],
    ["```js\nlet a;\n\n# no\n```\nafter", ['code "let a;\\n\\n# no"', "paragraph after"]],
    ["text\n```\nopen", ["paragraph text", 'code "open"']],
    ["a\r\nb", ["paragraph a\nb"]],
    ["-no item", ["paragraph -no item"]],
    ["```", ['code ""']],
  ])("%j", (text, expected) => expect(outline(text)).toEqual(expected));

  it("changes no block but the last two while the text grows", () => {
    const text = "# T\n\npara **b**\n\n- a\n- b\n\n```\ncode\n```\n\nend";
    for (let end = 1; end <= text.length; end += 1) {
      const before = parseBlocks(text.slice(0, end)).slice(0, -2);
      const after = parseBlocks(text).slice(0, before.length);
      expect(after.map(({ source }) => source)).toEqual(before.map(({ source }) => source));
    }
  });
});
