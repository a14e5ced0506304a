import type { TypedDocumentString } from './gql/graphql.ts';

/** Where the server is, and the key to come with; `npm start` shows the key of its demo. */
export const SIGNALBOX_URL = process.env.SIGNALBOX_URL ?? 'http://127.0.0.1:4000/graphql';
const key = process.env.SIGNALBOX_KEY;
if (key === undefined) throw new Error('set SIGNALBOX_KEY to an API key; npm start shows the one of its demo');
export const AUTHORIZATION = `Bearer ${key}`;

/** Sends a document with its variables; what comes back has the types that the document asks for. */
export async function request<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(SIGNALBOX_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: AUTHORIZATION },
    body: JSON.stringify({ query: document.toString(), variables }),
  });
  const { data, errors } = (await response.json()) as {
    data?: Result | null;
    errors?: { message: string; extensions?: { code?: string } }[];
  };
  const error = errors?.[0];
  if (error !== undefined) throw new Error(`${error.extensions?.code ?? response.status}: ${error.message}`);
  if (data == null) throw new Error(`the server answered ${response.status} without data`);
  return data;
}
