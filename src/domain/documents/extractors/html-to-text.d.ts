/** The part of html-to-text 10 that is used; the package ships no types. */
declare module 'html-to-text' {
  export interface HtmlNode {
    readonly attribs?: Readonly<Record<string, string>>;
    readonly children?: readonly HtmlNode[];
  }
  export interface BlockTextBuilder {
    addInline(text: string, options?: { noWordTransform?: boolean }): void;
    addLiteral(text: string): void;
    openBlock(options?: { leadingLineBreaks?: number }): void;
    closeBlock(options?: { trailingLineBreaks?: number }): void;
  }
  export type Formatter = (
    node: HtmlNode,
    walk: (children: readonly HtmlNode[] | undefined, builder: BlockTextBuilder) => void,
    builder: BlockTextBuilder,
    options: Readonly<Record<string, unknown>>,
  ) => void;
  export interface HtmlToTextOptions {
    wordwrap?: number | false;
    preserveNewlines?: boolean;
    formatters?: Readonly<Record<string, Formatter>>;
    limits?: { maxInputLength?: number; maxDepth?: number; ellipsis?: string };
    selectors?: readonly {
      readonly selector: string;
      readonly format?: string;
      readonly options?: Readonly<Record<string, unknown>>;
    }[];
  }
  export function compile(options?: HtmlToTextOptions): (html: string) => string;
}
