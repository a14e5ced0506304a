import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { UnavailableError } from '../../shared/errors.ts';
import { KEY_ID_BYTES, type SecretKey, type SecretKeys } from './secret-key.ts';

/** Whose credentials they are: they open for nobody else. */
export interface CredentialOwner {
  workspaceId: string;
  /** The integration's id. */
  id: string;
}

export type Credentials = Record<string, unknown>;

const ALGORITHM = 'aes-256-gcm';
const VERSION = 1;
const DATA_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** version 1 byte · id of the server's key · data key, sealed · credentials as JSON, sealed */
const KEY_ID_AT = 1;
const DATA_KEY_AT = KEY_ID_AT + KEY_ID_BYTES;
const CONTENT_AT = DATA_KEY_AT + NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES;

/**
 * Seals the credentials of integrations: each set under a fresh key of its own (AES-256-GCM), which is sealed under the
 * server's. Both are bound to workspace and integration: a row that is copied to another place does not open there.
 */
export class CredentialVault {
  readonly #keys: SecretKeys;

  constructor(keys: SecretKeys) {
    this.#keys = keys;
  }

  /** Id of the key that `seal` uses, as it stands in what is sealed. */
  get currentKeyId(): Buffer {
    return this.#keys.current.id;
  }

  seal(owner: CredentialOwner, credentials: Credentials): Uint8Array {
    const dataKey = randomBytes(DATA_KEY_BYTES);
    const content = encrypt(dataKey, Buffer.from(JSON.stringify(credentials), 'utf8'), boundTo(owner, 'content'));
    return Buffer.concat([this.#head(owner, dataKey), content]);
  }

  /** @throws UnavailableError that says what to do, where they do not open with the server's keys */
  open(owner: CredentialOwner, sealed: Uint8Array): Credentials {
    const bytes = Buffer.from(sealed);
    const dataKey = this.#openDataKey(owner, bytes);
    const content = decrypt(dataKey, bytes.subarray(CONTENT_AT), boundTo(owner, 'content'));
    if (content === null) throw damaged(owner);
    return JSON.parse(content.toString('utf8')) as Credentials;
  }

  /**
   * The same credentials under the current key of the server; null where they are already. They are not opened for it.
   * @throws UnavailableError where the server has no key for them
   */
  rewrap(owner: CredentialOwner, sealed: Uint8Array): Uint8Array | null {
    const bytes = Buffer.from(sealed);
    const dataKey = this.#openDataKey(owner, bytes);
    if (keyIdOf(bytes).equals(this.currentKeyId)) return null;
    return Buffer.concat([this.#head(owner, dataKey), bytes.subarray(CONTENT_AT)]);
  }

  #head(owner: CredentialOwner, dataKey: Buffer): Buffer {
    const { id, bytes } = this.#keys.current;
    return Buffer.concat([Buffer.of(VERSION), id, encrypt(bytes, dataKey, boundTo(owner, 'data key'))]);
  }

  #openDataKey(owner: CredentialOwner, bytes: Buffer): Buffer {
    if (bytes[0] !== VERSION || bytes.length < CONTENT_AT + NONCE_BYTES + TAG_BYTES) throw damaged(owner);
    const key = this.#keyOf(owner, keyIdOf(bytes));
    const dataKey = decrypt(key.bytes, bytes.subarray(DATA_KEY_AT, CONTENT_AT), boundTo(owner, 'data key'));
    if (dataKey === null) throw damaged(owner);
    return dataKey;
  }

  #keyOf(owner: CredentialOwner, keyId: Buffer): SecretKey {
    const { current, previous } = this.#keys;
    const key = [current, previous].find((each) => each?.id.equals(keyId));
    if (key != null) return key;
    throw new UnavailableError(
      `the credentials of the integration ${owner.id} are sealed under the key ${keyId.toString('hex')}, which this ` +
        'server does not have: set SIGNALBOX_SECRET_KEY (or SIGNALBOX_SECRET_KEY_PREVIOUS) to it, bring back the file ' +
        'secret-key of the data folder, or give the credentials again with updateIntegration',
    );
  }
}

function keyIdOf(bytes: Buffer): Buffer {
  return bytes.subarray(KEY_ID_AT, DATA_KEY_AT);
}

function damaged({ id }: CredentialOwner): UnavailableError {
  return new UnavailableError(
    `the credentials of the integration ${id} were changed, or copied from another place, and do not open: give them ` +
      'again with updateIntegration',
  );
}

function boundTo({ workspaceId, id }: CredentialOwner, part: string): Buffer {
  return Buffer.from(['signalbox credentials', VERSION, part, workspaceId, id].join('\0'), 'utf8');
}

/** nonce · ciphertext · tag */
function encrypt(key: Buffer, content: Buffer, bound: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound);
  return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

/** Null where the tag does not fit: another key, another place, or other bytes. */
function decrypt(key: Buffer, sealed: Buffer, bound: Buffer): Buffer | null {
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const tag = sealed.subarray(sealed.length - TAG_BYTES);
  const content = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound).setAuthTag(tag);
  const opened = decipher.update(content);
  try {
    return Buffer.concat([opened, decipher.final()]);
  } catch {
    return null;
  }
}
