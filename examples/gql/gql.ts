/* eslint-disable */
import * as types from './graphql.ts';



/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  query Find($query: String!) {\n    search(query: $query, first: 3) {\n      nodes {\n        rank\n        score\n        document {\n          kind\n          title\n        }\n      }\n      plan {\n        strategy\n        complete\n      }\n    }\n  }\n": typeof types.FindDocument,
    "\n  subscription WatchUsage($everySeconds: Int!) {\n    usageTick(everySeconds: $everySeconds) {\n      requests\n      embeddings\n      vectorQueries\n      totalTokens\n      costUsd\n    }\n  }\n": typeof types.WatchUsageDocument,
    "\n  mutation MakeCollection($name: String!) {\n    createCollection(input: { name: $name, kind: FEEDBACK }) {\n      __typename\n      ... on Collection {\n        id\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": typeof types.MakeCollectionDocument,
    "\n  mutation WriteDocuments($input: UpsertDocumentsInput!) {\n    upsertDocuments(input: $input) {\n      __typename\n      ... on UpsertedDocuments {\n        created\n        updated\n        unchanged\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": typeof types.WriteDocumentsDocument,
    "\n  query FindInCollection($query: String!, $collections: [ID!]!) {\n    search(query: $query, first: 1, filter: { collectionIds: $collections }) {\n      nodes {\n        document {\n          title\n          classification {\n            type\n            productArea\n          }\n          sentiment {\n            label\n          }\n        }\n      }\n    }\n  }\n": typeof types.FindInCollectionDocument,
};
const documents: Documents = {
    "\n  query Find($query: String!) {\n    search(query: $query, first: 3) {\n      nodes {\n        rank\n        score\n        document {\n          kind\n          title\n        }\n      }\n      plan {\n        strategy\n        complete\n      }\n    }\n  }\n": types.FindDocument,
    "\n  subscription WatchUsage($everySeconds: Int!) {\n    usageTick(everySeconds: $everySeconds) {\n      requests\n      embeddings\n      vectorQueries\n      totalTokens\n      costUsd\n    }\n  }\n": types.WatchUsageDocument,
    "\n  mutation MakeCollection($name: String!) {\n    createCollection(input: { name: $name, kind: FEEDBACK }) {\n      __typename\n      ... on Collection {\n        id\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": types.MakeCollectionDocument,
    "\n  mutation WriteDocuments($input: UpsertDocumentsInput!) {\n    upsertDocuments(input: $input) {\n      __typename\n      ... on UpsertedDocuments {\n        created\n        updated\n        unchanged\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n": types.WriteDocumentsDocument,
    "\n  query FindInCollection($query: String!, $collections: [ID!]!) {\n    search(query: $query, first: 1, filter: { collectionIds: $collections }) {\n      nodes {\n        document {\n          title\n          classification {\n            type\n            productArea\n          }\n          sentiment {\n            label\n          }\n        }\n      }\n    }\n  }\n": types.FindInCollectionDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Find($query: String!) {\n    search(query: $query, first: 3) {\n      nodes {\n        rank\n        score\n        document {\n          kind\n          title\n        }\n      }\n      plan {\n        strategy\n        complete\n      }\n    }\n  }\n"): typeof import('./graphql.ts').FindDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription WatchUsage($everySeconds: Int!) {\n    usageTick(everySeconds: $everySeconds) {\n      requests\n      embeddings\n      vectorQueries\n      totalTokens\n      costUsd\n    }\n  }\n"): typeof import('./graphql.ts').WatchUsageDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation MakeCollection($name: String!) {\n    createCollection(input: { name: $name, kind: FEEDBACK }) {\n      __typename\n      ... on Collection {\n        id\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.ts').MakeCollectionDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation WriteDocuments($input: UpsertDocumentsInput!) {\n    upsertDocuments(input: $input) {\n      __typename\n      ... on UpsertedDocuments {\n        created\n        updated\n        unchanged\n      }\n      ... on Error {\n        code\n        message\n      }\n    }\n  }\n"): typeof import('./graphql.ts').WriteDocumentsDocument;
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FindInCollection($query: String!, $collections: [ID!]!) {\n    search(query: $query, first: 1, filter: { collectionIds: $collections }) {\n      nodes {\n        document {\n          title\n          classification {\n            type\n            productArea\n          }\n          sentiment {\n            label\n          }\n        }\n      }\n    }\n  }\n"): typeof import('./graphql.ts').FindInCollectionDocument;


export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}
