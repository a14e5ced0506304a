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
  ['in base64', Buffer.from(SECRET).toString('base64url').slice(0, -1)],
])('a secret is hidden %s', (_where, text) => {
  expect(clean(`<${text}>`, SECRET)).toMatch(/^<\[redacted\].?>$/);
});

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
