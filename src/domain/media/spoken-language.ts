const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];
const TAG = /^[a-z]{2,3}([-_]|$)/;
/** Names that Whisper gives, and Unicode does not. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  ...{ maori: 'mi', bengali: 'bn', nynorsk: 'nn', myanmar: 'my', tagalog: 'tl', haitian: 'ht', panjabi: 'pa' },
  ...{ mandarin: 'zh', cantonese: 'yue', hawaiian: 'haw' },
};
const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
let codes: Map<string, string> | null = null;

/**
 * The language that a vendor says was spoken, as ISO 639-1, or 639-3 where it has no shorter code: some give a tag, some its
 * English name.
 * @returns null where it is neither, or nothing came
 */
export function languageCode(said: string | undefined): string | null {
  const given = said?.trim().toLowerCase() ?? '';
  codes ??= codesByName();
  const named = codes.get(given);
  if (named !== undefined || !TAG.test(given)) return named ?? null;
  // Withdrawn codes, such as `iw`, have the name of the one that took their place.
  return new Intl.Locale(given.slice(0, given[2] === '-' || given[2] === '_' ? 2 : 3)).language;
}

function codesByName(): Map<string, string> {
  const found = new Map(Object.entries(OTHER_NAMES));
  for (const first of LETTERS) {
    for (const second of LETTERS) {
      const name = names.of(first + second)?.toLowerCase();
      if (name !== undefined) found.set(name, new Intl.Locale(first + second).language);
    }
  }
  return found;
}
