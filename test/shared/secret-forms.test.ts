import { expect, test } from 'vitest';
import { hideSecrets, secretForms } from '../../src/shared/secret-forms.ts';

const SECRET = 'sk-a+b/c "dé"';
const KEY = '-----BEGIN KEY-----\nMIIabcdef\n-----END KEY-----';
const clean = (text: string, ...secrets: string[]) => hideSecrets(text, secretForms(secrets));

test.each([
  ['as it is', SECRET],
  ['in a url', encodeURIComponent(SECRET)],
  ['in a form', new URLSearchParams({ key: SECRET }).toString().slice(4)],
  ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
  ['in base64', Buffer.from(SECRET).toString('base64')],
  ['in base64 without its padding', Buffer.from(SECRET).toString('base64').replaceAll('=', '')],
  ['in the base64 of urls', Buffer.from(SECRET).toString('base64url')],
])('a secret is hidden %s', (_where, text) => {
  expect(clean(`<${text}>`, SECRET)).toBe('<[redacted]>');
});

test.each([16, 17, 18])(
  'of a secret of %i bytes at the end of a base64 nothing is left, whatever is before it',
  (length) => {
    const secret = 'sk-123456-secret-k'.slice(0, length);
    for (const before of ['', 'u', 'us', 'user:']) {
      const [own] = Buffer.from(before).toString('base64').split('=');
      for (const encoding of ['base64', 'base64url'] as const) {
        const text = Buffer.from(before + secret).toString(encoding);
        // A sign that is shared with what is before the secret is not the secret's alone.
        const shared = (own as string).length;
        expect(clean(`<${text}>`, secret)).toBe(`<${text.slice(0, shared)}[redacted]>`);
      }
    }
  },
);

test.each(['', 'u', 'us', 'user:'])('a secret is hidden in base64 after %j', (before) => {
  const text = Buffer.from(`${before}sk-123456-secret`).toString('base64');
  const hidden = clean(text, 'sk-123456-secret');
  expect(hidden).toContain('[redacted]');
  expect(hidden.replace('[redacted]', '').length).toBeLessThan(before.length * 2 + 6);
});

test('a secret of several lines is hidden whole, as JSON, and line by line', () => {
  expect(clean(KEY, KEY)).toBe('[redacted]');
  expect(clean(JSON.stringify({ key: KEY }), KEY)).toBe('{"key":"[redacted]"}');
  expect(clean('line 2 is MIIabcdef', KEY)).toBe('line 2 is [redacted]');
});

test('of a secret within another no rest is left, and what is too short to be one stays', () => {
  expect(clean('token-of-mine token', 'token', 'token-of-mine')).toBe('[redacted] [redacted]');
  expect(clean('a bad day', 'a', '', 'bad')).toBe('a bad day');
});
