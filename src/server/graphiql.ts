import type { GraphiQLOptions } from 'graphql-yoga';
import { isPrivateHost } from '../shared/public-address.ts';

/** It stands in the page's head, whatever the other options are. */
export const GRAPHIQL_TITLE = 'Signalbox';

const FIRST_QUERIES: readonly { query: string; variables?: object }[] = [
  {
    query: `# Find by meaning and words together, with what was really done.
query Search($query: String!) {
  search(query: $query, first: 5) {
    nodes {
      rank
      similarity
      highlight
      document {
        kind
        title
        collection { name }
      }
    }
    plan { strategy embeddingModel complete durationMs }
  }
}`,
    variables: { query: 'dock doors double booked' },
  },
  {
    query: `# A page of documents: each AI field makes one provider call for the whole page.
query Feedback {
  documents(first: 10, filter: { kinds: [FEEDBACK] }) {
    totalCount
    nodes {
      title
      classification { type urgency productArea confidence }
      sentiment { label score }
      similar(first: 2, minSimilarity: 0.5) { similarity document { kind title } }
    }
  }
}`,
  },
  {
    query: `# Write documents; wait until they can be found.
mutation Write($collectionId: ID!) {
  upsertDocuments(input: {
    collectionId: $collectionId
    wait: true
    documents: [{ externalId: "first", title: "Export stops at 500 rows", text: "The CSV export ends after 500 rows and says nothing." }]
  }) {
    __typename
    ... on UpsertedDocuments { created updated unchanged documents { id embedding { status } } job { status } }
    ... on Error { code message }
  }
}`,
  },
  {
    query: `# Who asks, and what it all has used.
query Usage {
  viewer { role permissions workspace { name tier } }
  usage(range: { last: WEEK }) {
    total { requests embeddings vectorQueries totalTokens costUsd }
    groups(by: [OPERATION, MODEL]) { key totals { requests averageLatencyMs } }
    limits { meter used limit }
  }
}`,
  },
];

/** What a local demo fills in. */
export interface GraphiqlDemo {
  key: string;
  /** A collection that the third tab writes to. */
  collectionId: string | null;
}

/**
 * Whether the demo's key may stand in the answer. A page of another site, which may ask because CORS lets every origin in,
 * says where it is from; one whose name was made to lead to this machine says that name.
 */
export function mayShowKey(headers: Headers): boolean {
  const host = URL.parse(`http://${headers.get('host')}`);
  return headers.get('origin') === null && host !== null && isPrivateHost(host.hostname);
}

/** GraphiQL with first queries that work as they are; on a local demo with its key filled in. */
export function graphiqlOptions(demo: GraphiqlDemo | null): GraphiQLOptions {
  const headers = JSON.stringify({ authorization: `Bearer ${demo?.key ?? '<your API key>'}` }, null, 2);
  return {
    title: GRAPHIQL_TITLE,
    headers,
    defaultHeaders: headers,
    shouldPersistHeaders: false,
    subscriptionsProtocol: 'WS',
    defaultTabs: FIRST_QUERIES.map(({ query, variables }) => ({
      query,
      headers,
      variables: JSON.stringify(
        variables ?? (query.includes('$collectionId') ? { collectionId: demo?.collectionId ?? '<collection id>' } : {}),
        null,
        2,
      ),
    })),
  };
}
