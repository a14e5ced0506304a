/* eslint-disable */
/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** Work that models do on documents. */
export type AiTask =
  /** Labels of the taxonomy "feedback". */
  | 'CLASSIFY'
  /** Vectors, for search and similarity. */
  | 'EMBED'
  /** What it is after. */
  | 'INTENT'
  /** How it feels. */
  | 'SENTIMENT'
  /** What it says, in a few sentences. */
  | 'SUMMARISE'
  /** What several of them are about. Sorts them into the themes of their collection and of the workspace; at the end of a job these are found anew where there are none, or where a fifth of the documents (and five of them) have come or gone since. */
  | 'THEMES';

/** A document to write. `title` and `text` win over what the extractor makes of `source`; something must give a text. */
export type DocumentInput = {
  /** When it came to be in its system; now where it is left out. */
  createdAt?: string | null | undefined;
  /** Your own id: writing it again updates the document. Unique in the collection; 1 to 500 characters. */
  externalId?: string | null | undefined;
  /** The collection’s kind where it is left out. */
  kind?: DocumentKind | null | undefined;
  /** What to filter by; at most 64 kB. */
  metadata?: Record<string, unknown> | null | undefined;
  /** The record as its system has it; at most 4 MB. */
  source?: Record<string, unknown> | null | undefined;
  /** Kept as it is; at most 1,000,000 characters. */
  text?: string | null | undefined;
  /** At most 2,000 characters. */
  title?: string | null | undefined;
};

/** Which extractor turns `source` into text. */
export type DocumentKind =
  /** A commit: summary, details, files, changes. */
  | 'COMMIT'
  /** A company: name, description, industry, SIC codes, categories, website. */
  | 'COMPANY'
  /** Feedback on a board: title, body, board, product area, votes, tags, comments. */
  | 'FEEDBACK'
  /** A Jira issue of REST v2 or v3: title, description, type, priority, custom fields, the last 3 comments, labels, components. */
  | 'JIRA_ISSUE'
  /** A chat message. */
  | 'MESSAGE'
  /** A pull request: title, body, state, the last 2 review comments, labels. */
  | 'PULL_REQUEST'
  /** Plain text. */
  | 'TEXT';

/** What kind of failure it was; also in `extensions.code` of a GraphQL error. */
export type ErrorCode =
  /** The request cannot be used as it is; the message and `issues` say where. */
  | 'BAD_INPUT'
  /** The budget does not cover what the call could cost. */
  | 'BUDGET_EXCEEDED'
  /** Something else is in the way, such as a slug that is taken. */
  | 'CONFLICT'
  /** The caller may not do this; `requiredPermission` says what it would need. */
  | 'FORBIDDEN'
  /** An unexpected failure; it was logged under the request id. */
  | 'INTERNAL'
  /** The allowance of the workspace’s tier is used up. */
  | 'LIMIT_REACHED'
  /** There is no such thing, or none that the caller can see. */
  | 'NOT_FOUND'
  /** No provider of this workspace can do this. */
  | 'NO_PROVIDER'
  /** Every provider that was tried has failed. */
  | 'PROVIDER_FAILED'
  /** The document is too deep, too broad or too costly; ask for less at once. */
  | 'QUERY_TOO_COSTLY'
  /** Too many requests at once; try again later. */
  | 'RATE_LIMITED'
  /** The safety policy holds this text back. */
  | 'SAFETY_BLOCKED'
  /** No credentials came with the request, or they are not good. */
  | 'UNAUTHENTICATED'
  /** Something that the server needs does not answer; try again. */
  | 'UNAVAILABLE';

/** What kind of feedback it is. */
export type FeedbackType =
  /** Something does not work. */
  | 'BUG'
  /** Somebody is not. */
  | 'COMPLAINT'
  /** Something is missing. */
  | 'FEATURE_REQUEST'
  /** Something should be better. */
  | 'IMPROVEMENT'
  /** Somebody is pleased. */
  | 'PRAISE'
  /** Somebody wants to know. */
  | 'QUESTION';

/** How the vectors were searched. */
export type SearchStrategy =
  /** Every vector was compared. */
  | 'EXACT'
  /** An index was walked. */
  | 'HNSW'
  /** Words, and every vector. */
  | 'HYBRID_EXACT'
  /** Words, and an index of the vectors. */
  | 'HYBRID_HNSW'
  /** No vectors were compared. */
  | 'KEYWORD';

/** How a text feels. */
export type SentimentLabel =
  /** Both. */
  | 'MIXED'
  /** Displeased. */
  | 'NEGATIVE'
  /** Neither. */
  | 'NEUTRAL'
  /** Pleased. */
  | 'POSITIVE';

/** `wait: true` returns when the tasks are done, or after 30 s with the job still running. Same key, same answer: an idempotency key lasts 24 h. */
export type UpsertDocumentsInput = {
  /** Where the documents belong. */
  collectionId: string | number;
  /** Up to 1,000. */
  documents: Array<DocumentInput>;
  /** Sending the same again with the same key does nothing again; 1 to 200 characters. */
  idempotencyKey?: string | null | undefined;
  /** What models do on them afterwards; none where it is empty. */
  tasks?: Array<AiTask> | null | undefined;
  /** Answer when the tasks are done. */
  wait?: boolean | null | undefined;
};

export type FindQueryVariables = Exact<{
  query: string;
}>;


export type FindQuery = { search: { nodes: Array<{ rank: number, score: number, document: { kind: DocumentKind, title: string | null } }>, plan: { strategy: SearchStrategy, complete: boolean } } };

export type WatchUsageSubscriptionVariables = Exact<{
  everySeconds: number;
}>;


export type WatchUsageSubscription = { usageTick: { requests: number, embeddings: number, vectorQueries: number, totalTokens: number, costUsd: string } };

export type MakeCollectionMutationVariables = Exact<{
  name: string;
}>;


export type MakeCollectionMutation = { createCollection:
    | { __typename: 'Collection', id: string }
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string }
   };

export type WriteDocumentsMutationVariables = Exact<{
  input: UpsertDocumentsInput;
}>;


export type WriteDocumentsMutation = { upsertDocuments:
    | { __typename: 'BudgetExceededError', code: ErrorCode, message: string }
    | { __typename: 'ConflictError', code: ErrorCode, message: string }
    | { __typename: 'ForbiddenError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string }
    | { __typename: 'LimitReachedError', code: ErrorCode, message: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'UpsertedDocuments', created: number, updated: number, unchanged: number }
   };

export type FindInCollectionQueryVariables = Exact<{
  query: string;
  collections: Array<string | number> | string | number;
}>;


export type FindInCollectionQuery = { search: { nodes: Array<{ document: { title: string | null, classification: { type: FeedbackType | null, productArea: string | null } | null, sentiment: { label: SentimentLabel } | null } }> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const FindDocument = new TypedDocumentString(`
    query Find($query: String!) {
  search(query: $query, first: 3) {
    nodes {
      rank
      score
      document {
        kind
        title
      }
    }
    plan {
      strategy
      complete
    }
  }
}
    `) as unknown as TypedDocumentString<FindQuery, FindQueryVariables>;
export const WatchUsageDocument = new TypedDocumentString(`
    subscription WatchUsage($everySeconds: Int!) {
  usageTick(everySeconds: $everySeconds) {
    requests
    embeddings
    vectorQueries
    totalTokens
    costUsd
  }
}
    `) as unknown as TypedDocumentString<WatchUsageSubscription, WatchUsageSubscriptionVariables>;
export const MakeCollectionDocument = new TypedDocumentString(`
    mutation MakeCollection($name: String!) {
  createCollection(input: {name: $name, kind: FEEDBACK}) {
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
    `) as unknown as TypedDocumentString<MakeCollectionMutation, MakeCollectionMutationVariables>;
export const WriteDocumentsDocument = new TypedDocumentString(`
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
    `) as unknown as TypedDocumentString<WriteDocumentsMutation, WriteDocumentsMutationVariables>;
export const FindInCollectionDocument = new TypedDocumentString(`
    query FindInCollection($query: String!, $collections: [ID!]!) {
  search(query: $query, first: 1, filter: {collectionIds: $collections}) {
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
    `) as unknown as TypedDocumentString<FindInCollectionQuery, FindInCollectionQueryVariables>;