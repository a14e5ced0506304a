const names = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });

/** The English name of a language by its ISO 639-1 code, for a prompt; null where it is no code. */
export function spokenLanguage(code: string): string | null {
  try {
    return names.of(code) ?? null;
  } catch {
    return null;
  }
}
