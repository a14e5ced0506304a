import type { Plugin } from 'graphql-yoga';

/** A body that no parser takes is refused with the reason; yoga alone would answer with an empty one. */
export function useMediaTypes(): Plugin {
  return {
    onRequestParse({ requestParser, request, endResponse, fetchAPI }) {
      if (requestParser !== undefined) return;
      const given = request.headers.get('content-type');
      const message = `send application/json, and not ${given ?? 'a body without a content-type'}`;
      endResponse(
        fetchAPI.Response.json({ errors: [{ message, extensions: { code: 'BAD_INPUT' } }] }, { status: 415 }),
      );
    },
  };
}
