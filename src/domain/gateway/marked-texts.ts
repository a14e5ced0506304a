import { createHmac, randomBytes } from 'node:crypto';

/** Of this process: what marks a text in a request can be made by nobody else. */
const MARKER_KEY = randomBytes(32);

/**
 * A word that sets texts apart in a request, which nobody who writes one of them can know. Equal questions have equal
 * markers, so that the answer cache knows them again.
 */
export function markerOf(question: unknown): string {
  return createHmac('sha256', MARKER_KEY).update(JSON.stringify(question)).digest('hex').slice(0, 20);
}

/** A text between lines that it cannot forge. */
export function markedText(marker: string, name: string, text: string): string {
  return `<<<${marker} ${name}>>>\n${text}\n<<<${marker} end>>>`;
}
