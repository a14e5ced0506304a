import { type Dispatcher, Response as UndiciResponse, fetch as undiciFetch } from 'undici';
import type { PluginHost } from './contract.ts';
import { ProviderError } from './errors.ts';

const MAX_HOPS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const BODY_HEADERS = ['content-type', 'content-length', 'content-encoding', 'content-language', 'content-location'];

/** Of undici's own types, which are not quite the global ones. */
type FetchInit = NonNullable<Parameters<typeof undiciFetch>[1]>;

/**
 * `fetch` on given connections. Redirects are followed only while the origin stays the same: undici takes away
 * `authorization` and cookies for another one, but neither the key headers of vendors nor a body that holds a secret.
 * @param maxBodyBytes of an answer, after its decoding; what reads a longer one fails
 */
export function fetchWithin(dispatcher: Dispatcher, maxBodyBytes: number): PluginHost['fetch'] {
  const ask = async (input: string | URL, init: FetchInit = {}) => {
    const follows = init.redirect === undefined || init.redirect === 'follow';
    let [url, request] = [new URL(input), init];
    for (let hops = 0; ; hops++) {
      const response = await undiciFetch(url, { ...request, ...(follows ? { redirect: 'manual' } : {}), dispatcher });
      const location = REDIRECTS.includes(response.status) ? response.headers.get('location') : null;
      if (!follows || location === null) return counted(response, maxBodyBytes);
      await response.body?.cancel();
      const next = URL.parse(location, url);
      if (next?.origin !== url.origin) throw elsewhere(url, next, response.status);
      if (hops === MAX_HOPS) throw refused(`${url.origin} redirects more than ${MAX_HOPS} times`, response.status);
      [url, request] = [next, redirected(request, response.status)];
    }
  };
  return ask as unknown as PluginHost['fetch'];
}

/** As the Fetch standard has it: all but 307 and 308 make a GET of a POST. */
function redirected(init: FetchInit, status: number): FetchInit {
  const method = init.method?.toUpperCase() ?? 'GET';
  const keepsMethod = status >= 307 || method === 'GET' || method === 'HEAD' || (status !== 303 && method !== 'POST');
  if (keepsMethod) return init;
  const headers = new Headers(init.headers as HeadersInit | undefined);
  for (const name of BODY_HEADERS) headers.delete(name);
  return { ...init, method: 'GET', body: null, headers: [...headers] };
}

function elsewhere(from: URL, to: URL | null, status: number): ProviderError {
  const place = to === null ? 'no address' : to.origin;
  return refused(
    `${from.origin} redirects to ${place}, where credentials are not sent: configure that address`,
    status,
  );
}

function refused(message: string, status: number): ProviderError {
  return new ProviderError('bad_request', message, { status });
}

/** The same answer with a body that fails where it has more bytes than it may. */
function counted(response: UndiciResponse, maxBytes: number): UndiciResponse {
  const { body, status, statusText, headers, url } = response;
  if (body === null) return response;
  // A status that no `Response` can be made of.
  if (status < 200 || status > 599) throw new ProviderError('malformed', `the provider answered with status ${status}`);
  let size = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      size += chunk.length;
      if (size <= maxBytes) controller.enqueue(chunk);
      else controller.error(new ProviderError('malformed', `the provider's answer has more than ${maxBytes} bytes`));
    },
  });
  const bounded = (body as ReadableStream<Uint8Array>).pipeThrough(counter);
  const copy = new UndiciResponse(bounded as never, { status, statusText, headers });
  return Object.defineProperty(copy, 'url', { value: url });
}
