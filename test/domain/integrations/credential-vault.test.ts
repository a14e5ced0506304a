import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { CredentialVault } from '../../../src/domain/integrations/credential-vault.ts';
import { secretKeyOf } from '../../../src/domain/integrations/secret-key.ts';
import { UnavailableError } from '../../../src/shared/errors.ts';

const OWNER = { workspaceId: 'ws_1', id: 'int_1' };
const CREDENTIALS = { apiKey: 'sk-very-secret-value', nested: { token: 'ünïcode' } };

const vaultOf = (current: string, previous: string | null = null) =>
  new CredentialVault({ current: secretKeyOf(current), previous: previous === null ? null : secretKeyOf(previous) });

const FIRST = 'a first key of more than thirty-two characters';
const SECOND = 'a second key of more than thirty-two characters';

test('credentials that were sealed open for their owner, and are nowhere in what is stored', () => {
  const vault = vaultOf(FIRST);
  const sealed = vault.seal(OWNER, CREDENTIALS);
  expect(vault.open(OWNER, sealed)).toEqual(CREDENTIALS);
  expect(Buffer.from(sealed).includes('sk-very')).toBe(false);
  expect(Buffer.from(sealed).includes('apiKey')).toBe(false);
});

test('the same credentials are sealed otherwise each time', () => {
  const vault = vaultOf(FIRST);
  expect(vault.seal(OWNER, CREDENTIALS)).not.toEqual(vault.seal(OWNER, CREDENTIALS));
});

test.each([
  ['another workspace', { workspaceId: 'ws_2', id: 'int_1' }],
  ['another integration', { workspaceId: 'ws_1', id: 'int_2' }],
  ['ids that read the same when joined', { workspaceId: 'ws_1\0int_1', id: '' }],
])('a row that is copied to %s does not open', (_where, other) => {
  const vault = vaultOf(FIRST);
  const sealed = vault.seal(OWNER, CREDENTIALS);
  expect(() => vault.open(other, sealed)).toThrow(UnavailableError);
  expect(() => vault.rewrap(other, sealed)).toThrow(UnavailableError);
});

test('a row in which any one byte was changed does not open', () => {
  const vault = vaultOf(FIRST);
  const sealed = vault.seal(OWNER, CREDENTIALS);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Uint8Array.from(sealed);
    changed[at] = (changed[at] as number) ^ 1;
    expect(() => vault.open(OWNER, changed), `byte ${at}`).toThrow(UnavailableError);
  }
  for (const length of [0, 1, 9, 68, sealed.length - 1]) {
    expect(() => vault.open(OWNER, sealed.subarray(0, length)), `${length} bytes`).toThrow(UnavailableError);
  }
});

test('the content of one row does not open under the head of another', () => {
  const vault = vaultOf(FIRST);
  const [one, other] = [vault.seal(OWNER, CREDENTIALS), vault.seal(OWNER, { apiKey: 'another' })];
  const HEAD_BYTES = 1 + 8 + 12 + 32 + 16;
  const mixed = Buffer.concat([one.subarray(0, HEAD_BYTES), other.subarray(HEAD_BYTES)]);
  expect(() => vault.open(OWNER, mixed)).toThrow(UnavailableError);
});

test('without the key that it was sealed under, the error says which one and what to set', () => {
  const sealed = vaultOf(FIRST).seal(OWNER, CREDENTIALS);
  const keyId = vaultOf(FIRST).currentKeyId.toString('hex');
  const open = () => vaultOf(SECOND).open(OWNER, sealed);
  expect(open).toThrow(/int_1.*SIGNALBOX_SECRET_KEY/);
  expect(open).toThrow(keyId);
  expect(open).toThrow(UnavailableError);
});

test('a server with both keys opens what either has sealed, and seals under the current one', () => {
  const both = vaultOf(SECOND, FIRST);
  expect(both.open(OWNER, vaultOf(FIRST).seal(OWNER, CREDENTIALS))).toEqual(CREDENTIALS);
  expect(both.open(OWNER, vaultOf(SECOND).seal(OWNER, CREDENTIALS))).toEqual(CREDENTIALS);
  expect(vaultOf(SECOND).open(OWNER, both.seal(OWNER, CREDENTIALS))).toEqual(CREDENTIALS);
});

test('credentials that are sealed anew open under the new key alone, and are sealed anew once', () => {
  const both = vaultOf(SECOND, FIRST);
  const anew = both.rewrap(OWNER, vaultOf(FIRST).seal(OWNER, CREDENTIALS)) as Uint8Array;
  expect(vaultOf(SECOND).open(OWNER, anew)).toEqual(CREDENTIALS);
  expect(() => vaultOf(FIRST).open(OWNER, anew)).toThrow(UnavailableError);
  expect(both.rewrap(OWNER, anew)).toBeNull();
});

test('32 bytes in base64 are the key itself, and any other text gives one of 32 bytes', () => {
  const bytes = randomBytes(32);
  expect(secretKeyOf(bytes.toString('base64')).bytes).toEqual(bytes);
  expect(secretKeyOf(bytes.toString('base64url')).bytes).toEqual(bytes);
  expect(secretKeyOf(FIRST).bytes).toHaveLength(32);
  expect(secretKeyOf(FIRST).bytes).not.toEqual(secretKeyOf(`${FIRST}.`).bytes);
});
