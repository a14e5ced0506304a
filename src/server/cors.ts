/** Any site may ask, on every path to GraphQL. */
export const CORS = {
  origin: '*',
  // Keys come in a header, never in a cookie.
  credentials: false,
  methods: ['GET', 'POST', 'OPTIONS'],
  exposedHeaders: ['x-request-id', 'retry-after'],
};
