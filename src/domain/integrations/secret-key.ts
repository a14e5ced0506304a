import { hkdfSync, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../../shared/config-error.ts';
import { createSecretFile, readSecretFile, writeSecretFile } from '../../shared/secret-file.ts';

const KEY_BYTES = 32;
export const KEY_ID_BYTES = 8;

/** A key that data keys are sealed under. */
export interface SecretKey {
  /** Tells keys apart without telling anything of them. */
  id: Buffer;
  bytes: Buffer;
}

/** What a server seals with, and what it opens besides. */
export interface SecretKeys {
  current: SecretKey;
  previous: SecretKey | null;
}

/** Where the server's key comes from: given by its owner, or made once and kept in the data folder. */
export interface SecretKeySource {
  /** SIGNALBOX_SECRET_KEY */
  secretKey: string | undefined;
  /** SIGNALBOX_SECRET_KEY_PREVIOUS */
  previousSecretKey: string | undefined;
  dataDir: string;
}

/** 32 bytes in base64 are the key itself; any other text has one derived from it. */
export function secretKeyOf(text: string): SecretKey {
  const decoded = Buffer.from(text, 'base64');
  const isKey = decoded.length === KEY_BYTES && /^[A-Za-z0-9+/_-]{43}=?$/.test(text);
  const bytes = isKey ? decoded : derive(Buffer.from(text, 'utf8'), 'signalbox secret key', KEY_BYTES);
  return { bytes, id: derive(bytes, 'signalbox key id', KEY_ID_BYTES) };
}

/** The server's keys. Where none is given, one is made and kept beside the data. @throws ConfigError */
export function readSecretKeys(source: SecretKeySource): SecretKeys {
  if (source.secretKey !== undefined) return keysOf(source.secretKey, source.previousSecretKey ?? null);
  const files = secretKeyFiles(source.dataDir);
  createSecretFile(files.current, newSecret());
  const current = readSecretFile(files.current);
  if (current === null) {
    throw new ConfigError(
      `${files.current} is empty: bring back the key from a backup, or delete the file where no integration has credentials`,
    );
  }
  return keysOf(current, source.previousSecretKey ?? readSecretFile(files.previous));
}

/**
 * Makes another key in the data folder and keeps the one before it, until `forgetPreviousKeyFile`. Where a change was
 * begun and not ended, it is taken up instead.
 * @throws ConfigError where the key is not kept there
 */
export function renewSecretKeyFile(source: SecretKeySource): void {
  if (source.secretKey !== undefined) {
    throw new ConfigError(
      'the key is given by SIGNALBOX_SECRET_KEY: set that to the new one, and SIGNALBOX_SECRET_KEY_PREVIOUS to the one before',
    );
  }
  const files = secretKeyFiles(source.dataDir);
  const current = readSecretFile(files.current);
  if (current === null) throw new ConfigError(`there is no key in ${files.current} to be replaced`);
  const previous = readSecretFile(files.previous);
  if (previous === null) writeSecretFile(files.previous, current);
  if (previous === null || previous === current) writeSecretFile(files.current, newSecret());
}

/** To be called once nothing is sealed under the key before any more. */
export function forgetPreviousKeyFile(dataDir: string): void {
  rmSync(secretKeyFiles(dataDir).previous, { force: true });
}

function secretKeyFiles(dataDir: string): { current: string; previous: string } {
  return { current: join(dataDir, 'secret-key'), previous: join(dataDir, 'secret-key.previous') };
}

function keysOf(current: string, previous: string | null): SecretKeys {
  return { current: secretKeyOf(current), previous: previous === null ? null : secretKeyOf(previous) };
}

function newSecret(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

function derive(material: Buffer, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', material, '', purpose, length));
}
