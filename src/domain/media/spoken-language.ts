const LETTERS = [...'abcdefghijklmnopqrstuvwxyz'];
const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
let codes: Map<string, string> | null = null;

/**
 * The language that a vendor says was spoken, as ISO 639-1: some give a tag, some its English name.
 * @returns as it came where it is neither; null where nothing came
 */
export function languageCode(said: string | undefined): string | null {
  const given = said?.trim().toLowerCase() ?? '';
  if (given === '') return null;
  codes ??= codesByName();
  return codes.get(given) ?? given;
}

function codesByName(): Map<string, string> {
  const found = new Map<string, string>();
  for (const first of LETTERS) {
    for (const second of LETTERS) {
      const name = names.of(first + second)?.toLowerCase();
      // Withdrawn codes, such as `iw`, have the name of the one that took their place.
      const code = new Intl.Locale(first + second).language;
      if (name !== undefined) found.set(name, code);
    }
  }
  return found;
}
