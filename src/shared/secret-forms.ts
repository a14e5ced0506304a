const REDACTED = '[redacted]';
/** A shorter one hides nothing, and would tear up every sentence that it is part of. */
const SECRET_MIN_CHARACTERS = 4;
/** Of a part of a secret, or of one that is a part of a longer encoding: shorter ones stand in other texts too. */
const PART_MIN_CHARACTERS = 8;
const BITS_PER_SIGN = 6;

/**
 * Secrets as they may appear in a text: as they are, in a url, in a form, in JSON, in base64 (also within a longer one, as
 * in `Basic` credentials), and the lines of those that have several. The longest come first, so that one within another
 * leaves no rest.
 */
export function secretForms(secrets: readonly (string | undefined)[]): string[] {
  const given = secrets.filter((secret) => secret !== undefined && secret.length >= SECRET_MIN_CHARACTERS);
  const forms = (given as string[]).flatMap((secret) => {
    const lines = secret.split(/\r?\n/).filter((line) => line.length >= PART_MIN_CHARACTERS);
    return [secret, ...lines].flatMap(formsOf);
  });
  return [...new Set(forms)].sort((left, right) => right.length - left.length);
}

/** A text without what `secretForms` has told of. */
export function hideSecrets(text: string, forms: readonly string[]): string {
  return forms.reduce((clean, form) => clean.replaceAll(form, REDACTED), text);
}

function formsOf(secret: string): string[] {
  // A half of a surrogate pair has no url.
  const wellFormed = secret.toWellFormed();
  return [
    secret,
    encodeURIComponent(wellFormed),
    new URLSearchParams({ '': wellFormed }).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    ...base64Forms(secret),
  ];
}

/**
 * By how many bytes stand before it, only what these do not change: the signs that are the secret's own. Where nothing
 * stands after it, its last sign and the padding are its own too.
 */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const start = Math.ceil((before * 8) / BITS_PER_SIGN);
    const end = Math.floor(((before + bytes.length) * 8) / BITS_PER_SIGN);
    const own = encoded.slice(start, end);
    if (own.length < PART_MIN_CHARACTERS) return [];
    const padded = encoded.slice(start);
    const forms = [own, padded.replaceAll('=', ''), padded];
    return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')]);
  });
}
