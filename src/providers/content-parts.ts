import type { ContentPart } from '../plugins/contract.ts';

/** A message's parts with texts that follow each other as one, and without empty ones, which vendors refuse. */
export function joinedTexts(parts: readonly ContentPart[]): ContentPart[] {
  const joined: ContentPart[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (part.kind !== 'text') joined.push(part);
    else if (last?.kind === 'text') joined[joined.length - 1] = { kind: 'text', text: last.text + part.text };
    else if (part.text !== '') joined.push(part);
  }
  return joined;
}
