import { graphql } from './gql/gql.ts';
import { request } from './signalbox.ts';

const MAKE_COLLECTION = graphql(`
  mutation MakeCollection($name: String!) {
    createCollection(input: { name: $name, kind: FEEDBACK }) {
      __typename
      ... on Collection {
        id
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

const WRITE = graphql(`
  mutation WriteDocuments($input: UpsertDocumentsInput!) {
    upsertDocuments(input: $input) {
      __typename
      ... on UpsertedDocuments {
        created
        updated
        unchanged
      }
      ... on Error {
        code
        message
      }
    }
  }
`);

const FIND_IN = graphql(`
  query FindInCollection($query: String!, $collections: [ID!]!) {
    search(query: $query, first: 1, filter: { collectionIds: $collections }) {
      nodes {
        document {
          title
          classification {
            type
            productArea
          }
          sentiment {
            label
          }
        }
      }
    }
  }
`);

const documents = [
  { externalId: 'fb-1', title: 'Export stops', text: 'The CSV export ends after 500 rows and says nothing.' },
  { externalId: 'fb-2', title: 'Lovely calendar', text: 'The new week view is great, thank you so much!' },
];

const { createCollection: collection } = await request(MAKE_COLLECTION, { name: `Feedback of ${Date.now()}` });
if (collection.__typename !== 'Collection') throw new Error(`${collection.code}: ${collection.message}`);

// With `wait` the answer comes when the documents are embedded. Writing them again changes nothing.
for (const attempt of ['first', 'again']) {
  const { upsertDocuments } = await request(WRITE, { input: { collectionId: collection.id, documents, wait: true } });
  if (upsertDocuments.__typename !== 'UpsertedDocuments') throw new Error(upsertDocuments.message);
  const { created, updated, unchanged } = upsertDocuments;
  console.log(`${attempt}: ${created} created, ${updated} updated, ${unchanged} unchanged`);
}

const { search } = await request(FIND_IN, { query: 'download is cut off', collections: [collection.id] });
const found = search.nodes[0]?.document;
console.log(`found: ${found?.title}, ${found?.classification?.type}, ${found?.sentiment?.label}`);
