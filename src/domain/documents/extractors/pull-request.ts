import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import type { Extracted } from './extracted.ts';
import { Fields, listOf, unwrap } from './json.ts';
import { inlineValue, labelled, lastComments, layOut, longValue, nameList } from './values.ts';

const REVIEW_COMMENTS_KEPT = 2;

/**
 * A pull request as GitHub's REST and GraphQL APIs and its webhooks give it, a GitLab merge request event, or flat.
 * @see https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request
 */
export function extractPullRequest(source: JsonObject): Extracted {
  const fields = unwrap(source, 'pullrequest', 'pr', 'mergerequest', 'objectattributes', 'issue');
  const title = inlineValue(fields.first('title', 'name', 'subject', 'summary')) || null;
  const text = layOut(
    title ?? '',
    longValue(fields.first('body', 'description', 'bodytext', 'content', 'text', 'bodyhtml')),
    [labelled('State', state(fields)), labelled('Labels', nameList(fields.first('labels', 'label', 'tags')))],
    labelled('Review comments', reviewComments(source, fields).join('\n\n')),
  );
  return { title, text };
}

function state(fields: Fields): string {
  const isMerged = fields.first('merged') === true || typeof fields.first('mergedat') === 'string';
  const given = inlineValue(fields.first('state', 'status')).toLowerCase();
  const isDraft = fields.first('draft', 'isdraft') === true;
  return [isMerged ? 'merged' : given, isDraft ? 'draft' : ''].filter((word) => word !== '').join(', ');
}

/** Comments on the code and reviews; the conversation's comments only where there are none of these. */
function reviewComments(source: JsonObject, fields: Fields): string[] {
  const outer = new Fields(source);
  const threads = listOf(fields.first('reviewthreads')).flatMap((thread) =>
    isJsonObject(thread) ? listOf(thread.comments) : [],
  );
  const reviews: JsonValue[] = [
    ...lists(
      fields,
      'reviewcomments',
      'reviewcommentslist',
      'reviewcommentsdata',
      'reviews',
      'latestreviews',
      'lastreviewcomments',
    ),
    ...threads,
    ...outer.all('review', 'reviewcomment').filter(isJsonObject),
    ...outer.all('comment').filter(isJsonObject),
  ];
  const written = lastComments(reviews, REVIEW_COMMENTS_KEPT);
  if (written.length > 0) return written;
  return lastComments(lists(fields, 'comments', 'notes', 'discussion', 'issuecomments'), REVIEW_COMMENTS_KEPT);
}

/** A list under `review_comments` may be a count or an url instead: those are no lists. */
function lists(fields: Fields, ...names: readonly string[]): JsonValue[] {
  return fields.all(...names).flatMap((value) => listOf(value));
}
