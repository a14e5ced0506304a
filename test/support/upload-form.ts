export interface ImportAsked {
  collectionId: string;
  format?: 'CSV' | 'JSONL';
  mapping?: object;
  tasks?: string[];
}

const IMPORT = /* GraphQL */ `
  mutation Import($input: ImportDocumentsInput!) {
    importDocuments(input: $input) {
      __typename
      ... on Import { id fileName reportUrl job { id } }
      ... on Error { code message }
    }
  }
`;

/** A multipart request that imports a file. */
export function importForm(input: ImportAsked, content: string, fileName = 'records.csv'): FormData {
  const variables = { input: { tasks: [], ...input, file: null } };
  return uploadForm({ query: IMPORT, variables }, 'variables.input.file', content, fileName);
}

/** A multipart request with one file. */
export function uploadForm(operations: object, place: string, content: string, fileName: string): FormData {
  const form = new FormData();
  form.set('operations', JSON.stringify(operations));
  form.set('map', JSON.stringify({ 0: [place] }));
  form.set('0', new Blob([content]), fileName);
  return form;
}

export interface ImportAnswered {
  status: number;
  body: {
    data?: {
      importDocuments: {
        __typename: string;
        id: string;
        fileName: string;
        reportUrl: string;
        job: { id: string };
        code: string;
        message: string;
      };
    } | null;
    errors?: { message: string; extensions: { code: string } }[];
  };
}

/** Posts a multipart request to a server. */
export async function postForm(url: string, form: FormData, key: string | null): Promise<ImportAnswered> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: key === null ? { 'x-signalbox-csrf': '1' } : { authorization: `Bearer ${key}` },
    body: form,
    signal: AbortSignal.timeout(50_000),
  });
  return { status: response.status, body: (await response.json()) as ImportAnswered['body'] };
}
