import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import type { DocumentKind } from '../document.ts';
import { extractCommit } from './commit.ts';
import { extractCompany } from './company.ts';
import type { Extracted } from './extracted.ts';
import { extractFeedback } from './feedback.ts';
import { extractJiraIssue } from './jira-issue.ts';
import { storable } from './markup.ts';
import { extractMessage } from './message.ts';
import { extractPullRequest } from './pull-request.ts';
import { extractText } from './text.ts';

const EXTRACTORS: Readonly<Record<DocumentKind, (source: JsonObject) => Extracted>> = {
  TEXT: extractText,
  FEEDBACK: extractFeedback,
  COMPANY: extractCompany,
  JIRA_ISSUE: extractJiraIssue,
  PULL_REQUEST: extractPullRequest,
  COMMIT: extractCommit,
  MESSAGE: extractMessage,
};

/** A document as a client sends it. */
export interface DocumentContent {
  /** Wins over the source's title where it is not blank. */
  readonly title?: string | null;
  /** Wins over the text made of the source where it is not blank; taken as it is, markup and all. */
  readonly text?: string | null;
  /** The record as its system of origin has it; anything but an object has nothing to extract. */
  readonly source?: JsonValue;
}

/**
 * The title and the text of a document. Never throws: what cannot be read adds nothing, and a source without anything
 * usable gives ''.
 */
export function extractDocument(kind: DocumentKind, { title, text, source }: DocumentContent): Extracted {
  const given = { title: storable(title ?? '').trim(), text: storable(text ?? '') };
  const needsSource = given.title === '' || given.text.trim() === '';
  const extracted = needsSource && isJsonObject(source) ? EXTRACTORS[kind](source) : { title: null, text: '' };
  return {
    title: given.title === '' ? extracted.title : given.title,
    text: given.text.trim() === '' ? storable(extracted.text) : given.text,
  };
}
