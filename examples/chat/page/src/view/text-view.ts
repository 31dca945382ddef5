/**
 * Text that grows, rendered as Markdown.
 *
 * Purpose: shows a text in an element, touching only the blocks that changed. It writes text
 * nodes and never HTML, so nothing that a model or another person wrote can become markup.
 */
import { parseBlocks, type Block, type Inline } from "../markdown.ts";

/** An element that shows a text. Tests read the text before rendering from its property `rawText`. */
export type TextElement = HTMLElement & { rawText: string };

/** See the module comment. */
export class TextView {
  readonly element: TextElement;
  #shown: { source: string; element: HTMLElement }[] = [];

  constructor() {
    this.element = Object.assign(document.createElement("div"), { rawText: "" });
    this.element.className = "text";
    this.element.dataset.testid = "text";
  }

  /** Shows `text` instead of what was shown before. */
  show(text: string): void {
    if (text === this.element.rawText) return;
    this.element.rawText = text;
    const blocks = parseBlocks(text);
    const kept = this.#countUnchanged(blocks);
    for (const { element } of this.#shown.splice(kept)) element.remove();
    for (const block of blocks.slice(kept)) {
      const element = renderBlock(block);
      this.#shown.push({ source: block.source, element });
      this.element.append(element);
    }
  }

  #countUnchanged(blocks: readonly Block[]): number {
    const changed = blocks.findIndex((block, index) => block.source !== this.#shown[index]?.source);
    return changed === -1 ? blocks.length : changed;
  }
}

function renderBlock(block: Block): HTMLElement {
  switch (block.kind) {
    case "code":
      return create("pre", [create("code", [block.text])]);
    case "list":
      return renderList(block.ordered, block.start, block.items);
    case "heading":
      return create("h3", block.inlines.map(renderInline));
    case "quote":
      return create("blockquote", block.inlines.map(renderInline));
    case "paragraph":
      return create("p", block.inlines.map(renderInline));
  }
}

function renderList(ordered: boolean, start: number, items: readonly Inline[][]): HTMLElement {
  const list = create(
    ordered ? "ol" : "ul",
    items.map((item) => create("li", item.map(renderInline))),
  );
  if (ordered && start !== 1) list.setAttribute("start", String(start));
  return list;
}

const INLINE_TAGS = { bold: "strong", emphasis: "em", code: "code" } as const;

function renderInline({ kind, text }: Inline): Node | string {
  return kind === "text" ? text : create(INLINE_TAGS[kind], [text]);
}

function create(tag: string, children: readonly (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
}
