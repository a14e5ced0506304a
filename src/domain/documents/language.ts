import { readFile } from 'node:fs/promises';
import type { eld } from 'eld/small';
import { type LanguageScores, type LanguageTables, readTables, scoresByNgram } from './language-tables.ts';

type Detector = Pick<typeof eld, 'detect'>;

/** What the package's entries are made of: a detector without tables. */
interface DetectorModule {
  createEld(): {
    instance: Detector;
    loadData(data: Pick<LanguageTables, 'type' | 'languages'> & { ngrams: Record<string, LanguageScores> }): void;
  };
}

/** Below this many letters a guess is little better than chance. */
const MIN_LETTERS = 4;
/** Enough to know a language; more only costs time. */
const LONGEST_SAMPLE = 2_000;

let loading: Promise<Detector> | undefined;

/**
 * The language of a text as an ISO 639-1 code, or null where it is too short or the detector cannot tell. The
 * detector's tables (8 MB) are read with the first call.
 */
export async function detectLanguage(text: string): Promise<string | null> {
  const sample = text.slice(0, LONGEST_SAMPLE);
  if ((sample.match(/\p{L}/gu)?.length ?? 0) < MIN_LETTERS) return null;
  loading ??= loadDetector().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  const detector = await loading;
  const result = detector.detect(sample);
  return result.language !== '' && result.isReliable() ? result.language : null;
}

/** From files of the package that are no entries of it: its entries bring their tables with them, unpacked. */
async function loadDetector(): Promise<Detector> {
  const entry = import.meta.resolve('eld/small');
  const [{ createEld }, source] = await Promise.all([
    import(new URL('../languageDetector.js', entry).href) as Promise<DetectorModule>,
    readFile(new URL('../ngrams/small.js', entry), 'utf8'),
  ]);
  const tables = readTables(source);
  const { instance, loadData } = createEld();
  loadData({ type: tables.type, languages: tables.languages, ngrams: scoresByNgram(tables) });
  return instance;
}
