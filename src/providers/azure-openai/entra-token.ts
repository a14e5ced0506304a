import type { CallContext, PluginHost } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject } from '../../shared/json.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { VendorHttp } from '../vendor-http.ts';

/** What every resource of Azure's AI services asks for. */
const SCOPE = 'https://cognitiveservices.azure.com/.default';
/** A token is renewed this long before it ends. */
const RENEW_BEFORE_MS = 5 * 60_000;
const TOKEN_TIMEOUT_MS = 15_000;
/** Of a token that does not say when it ends; they last an hour or more. */
const UNKNOWN_LIFE_MS = 10 * 60_000;

export interface ClientCredentials {
  authorityUrl: string;
  tenantId: string;
  clientId: string;
  clientSecret: string;
}

interface Token {
  text: string;
  renewAtMs: number;
}

/**
 * Access tokens of Microsoft Entra by client credentials, kept until shortly before they end; calls that need one at the
 * same time share a request. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export class EntraTokens {
  readonly #credentials: ClientCredentials;
  readonly #http: VendorHttp;
  readonly #host: PluginHost;
  readonly #onToken: (text: string) => void;
  #token: Token | undefined;
  #pending: Promise<Token> | undefined;

  /** @param onToken told of each token before it is used */
  constructor(credentials: ClientCredentials, host: PluginHost, onToken: (text: string) => void) {
    this.#credentials = credentials;
    this.#host = host;
    this.#onToken = onToken;
    this.#http = new VendorHttp(host, {
      vendor: 'Microsoft Entra',
      secrets: [credentials.clientSecret],
      readError: (body, status) => ({
        // Wrong credentials are a 400 or a 401, by what is wrong about them.
        ...(status !== undefined && status >= 400 && status < 404 ? { kind: 'authentication' as const } : {}),
        message: isJsonObject(body) ? String(body.error_description ?? body.error) : undefined,
      }),
    });
  }

  /** @throws ProviderError `authentication`, or what else went wrong; the caller's reason where it left */
  async text(call: CallContext): Promise<string> {
    if (this.#token !== undefined && this.#host.now() < this.#token.renewAtMs) return this.#token.text;
    // The request is everybody's: who leaves does not end it.
    this.#pending ??= this.#ask().finally(() => {
      this.#pending = undefined;
    });
    this.#pending.catch(() => undefined);
    this.#token = await unlessAborted(this.#pending, call.signal);
    return this.#token.text;
  }

  /** The vendor does not take it any more: the next call fetches another one. */
  forget(): void {
    this.#token = undefined;
  }

  close(): void {
    this.#http.close();
  }

  async #ask(): Promise<Token> {
    const { authorityUrl, tenantId, clientId, clientSecret } = this.#credentials;
    const url = `${withoutTrailingSlash(authorityUrl)}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope: SCOPE };
    const { json } = await this.#http
      .fetchJson(
        url,
        {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams(form).toString(),
        },
        { signal: AbortSignal.timeout(TOKEN_TIMEOUT_MS), requestId: 'entra-token' },
      )
      .catch((error: unknown) => {
        if ((error as Error).name !== 'TimeoutError') throw error;
        throw new ProviderError('timeout', 'Microsoft Entra gave no token in time');
      });
    const { access_token: text, expires_in: seconds } = json;
    if (typeof text !== 'string' || text === '') throw this.#http.malformed('no access token');
    this.#onToken(text);
    return { text, renewAtMs: this.#host.now() + useMs(seconds) };
  }
}

/** A life as the vendor tells it: as a number, or as a text with one. */
function useMs(seconds: unknown): number {
  const toldMs = typeof seconds === 'number' || typeof seconds === 'string' ? Number(seconds) * 1_000 : Number.NaN;
  const lifeMs = toldMs > 0 && Number.isFinite(toldMs) ? toldMs : UNKNOWN_LIFE_MS;
  return lifeMs - Math.min(RENEW_BEFORE_MS, lifeMs / 2);
}

async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
