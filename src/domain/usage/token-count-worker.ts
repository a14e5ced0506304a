import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';

/**
 * The tokenizer joins the parts of an unbroken run in time that grows with its square: 65,000 letters take seconds. A
 * longer run is cut, which may add a token or two at each cut.
 */
const LONG_RUN = /\S{256}|\s{256}/gu;

/** A text is a text here, also where it has a special token's name in it. */
const AS_PLAIN_TEXT = { disallowedSpecial: new Set<string>() };

/** What the counting thread runs: the tokens of all texts together. */
export default function run(texts: readonly string[]): number {
  let tokens = 0;
  for (const text of texts) {
    let start = 0;
    for (const { index, 0: cut } of text.matchAll(LONG_RUN)) {
      tokens += countTokens(text.slice(start, index + cut.length), AS_PLAIN_TEXT);
      start = index + cut.length;
    }
    tokens += countTokens(text.slice(start), AS_PLAIN_TEXT);
  }
  return tokens;
}
