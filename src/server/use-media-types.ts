import type { Plugin } from 'graphql-yoga';

/** What yoga reads and we do not: any site can send a form, without the browser's asking us first. */
const REFUSED = /^application\/(x-www-form-urlencoded|graphql)\s*(;|,|$)/i;

/** A body that no parser takes is refused with the reason; yoga alone would answer with an empty one. */
export function useMediaTypes(): Plugin {
  return {
    onRequestParse({ requestParser, request, endResponse, fetchAPI }) {
      if (request.method !== 'POST' && request.method !== 'GET') {
        const message = `send GET or POST, and not ${request.method}; graphql-sse goes by distinct connections alone`;
        const init = { status: 405, headers: { allow: 'GET, POST' } };
        endResponse(fetchAPI.Response.json({ errors: [{ message, extensions: { code: 'BAD_INPUT' } }] }, init));
        return;
      }
      const given = request.headers.get('content-type');
      const isRefused = request.method === 'POST' && REFUSED.test(given ?? '');
      if (requestParser !== undefined && !isRefused) return;
      const message = `send application/json, and not ${given ?? 'a body without a content-type'}`;
      endResponse(
        fetchAPI.Response.json({ errors: [{ message, extensions: { code: 'BAD_INPUT' } }] }, { status: 415 }),
      );
    },
  };
}
