/**
 * A small part of Markdown, as a tree.
 *
 * Purpose: paragraphs, headings, quotes, lists, code blocks, bold, emphasis and inline code of text that may
 * still be growing. It knows no elements and produces no HTML. What it does not recognise stays as it is.
 */

/** A piece of a line. */
export type Inline = { kind: "text" | "bold" | "emphasis" | "code"; text: string };

/** A part of the text, with the source that it was made from. */
export type Block = { source: string } & (
  | { kind: "paragraph"; inlines: Inline[] }
  | { kind: "heading"; inlines: Inline[] }
  | { kind: "quote"; inlines: Inline[] }
  | { kind: "list"; ordered: boolean; start: number; items: Inline[][] }
  | { kind: "code"; text: string }
);

const FENCE = /^ {0,3}```/;
const HEADING = /^ {0,3}#{1,6} +/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^ {0,3}(?:[-*+]|(\d{1,9})[.)]) +/;
const INLINE = /(`+)([^`](?:.*?[^`])?)\1(?!`)|\*\*(?=\S)(.+?)(?<=\S)\*\*|\*(?=[^\s*])(.+?)(?<=[^\s*])\*/gs;

/** Splits a text into blocks. A code block that is not closed yet reaches to the end. */
export function parseBlocks(text: string): Block[] {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks: Block[] = [];
  while (lines.length > 0) {
    const [first = ""] = lines;
    if (first.trim() === "") lines.shift();
    else blocks.push(takeBlock(first, lines));
  }
  return blocks;
}

/** Splits a line into pieces. */
export function parseInlines(text: string): Inline[] {
  const inlines: Inline[] = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) inlines.push({ kind: "text", text: text.slice(end, match.index) });
    inlines.push(inlineOf(match));
    end = match.index + match[0].length;
  }
  if (end < text.length) inlines.push({ kind: "text", text: text.slice(end) });
  return inlines;
}

function inlineOf([, , code, bold, emphasis]: RegExpMatchArray): Inline {
  if (code !== undefined) return { kind: "code", text: code };
  if (bold !== undefined) return { kind: "bold", text: bold };
  return { kind: "emphasis", text: emphasis ?? "" };
}

/** Takes at least one line. */
function takeBlock(first: string, lines: string[]): Block {
  if (FENCE.test(first)) return takeCode(lines);
  if (HEADING.test(first)) return takeHeading(lines);
  if (QUOTE.test(first)) return takeQuote(lines);
  if (ITEM.test(first)) return takeList(lines);
  const source = takeWhile(lines, (line, index) => index === 0 || !startsBlock(line)).join("\n");
  return { kind: "paragraph", source, inlines: parseInlines(source) };
}

function takeCode(lines: string[]): Block {
  const open = lines.shift() ?? "";
  const body = takeWhile(lines, (line) => !FENCE.test(line));
  const close = lines.shift();
  const source = [open, ...body, ...(close === undefined ? [] : [close])].join("\n");
  return { kind: "code", source, text: body.join("\n") };
}

function takeHeading(lines: string[]): Block {
  const source = lines.shift() ?? "";
  return { kind: "heading", source, inlines: parseInlines(source.replace(HEADING, "")) };
}

function takeQuote(lines: string[]): Block {
  const quoted = takeWhile(lines, (line) => QUOTE.test(line));
  const text = quoted.map((line) => line.replace(QUOTE, "")).join("\n");
  return { kind: "quote", source: quoted.join("\n"), inlines: parseInlines(text) };
}

function takeList(lines: string[]): Block {
  const marker = ITEM.exec(lines[0] ?? "")?.[1];
  const ordered = marker !== undefined;
  const belongs = (line: string) => ITEM.test(line) && (ITEM.exec(line)?.[1] !== undefined) === ordered;
  const continues = (line: string) => /^\s+\S/.test(line) && !ITEM.test(line);
  const taken = takeWhile(lines, (line, index) => belongs(line) || (index > 0 && continues(line)));
  const items = taken.reduce<string[]>((texts, line) => {
    if (belongs(line)) return [...texts, line.replace(ITEM, "")];
    return [...texts.slice(0, -1), `${texts.at(-1) ?? ""} ${line.trim()}`];
  }, []);
  const start = ordered ? Number(marker) : 1;
  return { kind: "list", source: taken.join("\n"), ordered, start, items: items.map(parseInlines) };
}

function startsBlock(line: string): boolean {
  return line.trim() === "" || [FENCE, HEADING, QUOTE, ITEM].some((start) => start.test(line));
}

function takeWhile(lines: string[], accept: (line: string, index: number) => boolean): string[] {
  const end = lines.findIndex((line, index) => !accept(line, index));
  return lines.splice(0, end === -1 ? lines.length : end);
}
