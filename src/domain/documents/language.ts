import type { eld } from 'eld/small';

type Detector = typeof eld;

/** Below this many letters a guess is little better than chance. */
const MIN_LETTERS = 4;
/** Enough to know a language; more only costs time. */
const LONGEST_SAMPLE = 2_000;

let loading: Promise<Detector> | undefined;

/**
 * The language of a text as an ISO 639-1 code, or null where it is too short or the detector cannot tell. The
 * detector's tables (a few MB) are loaded with the first call.
 */
export async function detectLanguage(text: string): Promise<string | null> {
  const sample = text.slice(0, LONGEST_SAMPLE);
  if ((sample.match(/\p{L}/gu)?.length ?? 0) < MIN_LETTERS) return null;
  loading ??= import('eld/small').then((module) => module.eld);
  const detector = await loading;
  const result = detector.detect(sample);
  return result.language !== '' && result.isReliable() ? result.language : null;
}
