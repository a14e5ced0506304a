import type { JsonObject } from '../../../shared/json.ts';
import type { Extracted } from './extracted.ts';
import { type Fields, listOf, unwrap } from './json.ts';
import { inlineValue, labelled, lastComments, layOut, longValue, nameList, personName } from './values.ts';

/** A feature board's busiest posts have hundreds; the newest say where the discussion stands. */
const COMMENTS_KEPT = 20;

/** Feedback: a post on a board, a review, a survey's answer, a support ticket or an issue sent as feedback. */
export function extractFeedback(source: JsonObject): Extracted {
  const fields = unwrap(source, 'feedback', 'post', 'item', 'review', 'ticket', 'issue', 'submission', 'data');
  const title = inlineValue(fields.first('title', 'subject', 'headline', 'name', 'summary')) || null;
  const comments = fields.all('comments', 'replies', 'responses').flatMap((value) => listOf(value));
  const text = layOut(
    title ?? '',
    ...fields
      .all(
        'body',
        'description',
        'content',
        'text',
        'message',
        'details',
        'feedback',
        'review',
        'reviewtext',
        'comment',
        'answer',
        'bodyhtml',
      )
      .map((value) => longValue(value)),
    details(fields),
    labelled('Comments', lastComments(comments, COMMENTS_KEPT).join('\n\n')),
  );
  return { title, text };
}

function details(fields: Fields): string[] {
  return [
    labelled('Board', inlineValue(fields.first('board', 'boardname', 'forum'))),
    labelled('Product area', nameList(fields.first('productarea', 'product', 'area', 'feature', 'module'))),
    labelled('Category', nameList(fields.first('category', 'categories'))),
    labelled('Type', inlineValue(fields.first('type', 'feedbacktype', 'kind'))),
    labelled('Status', inlineValue(fields.first('status', 'state'))),
    labelled('Priority', inlineValue(fields.first('priority', 'urgency'))),
    labelled('Votes', inlineValue(fields.first('votes', 'votecount', 'votescount', 'upvotes', 'score', 'numvotes'))),
    labelled('Rating', inlineValue(fields.first('rating', 'stars', 'nps'))),
    labelled('Tags', nameList(...fields.all('tags', 'labels', 'tag', 'label'))),
    labelled(
      'Author',
      personName(fields.first('author', 'user', 'submitter', 'customer', 'createdby', 'reporter', 'authorname')),
    ),
    labelled('Source', inlineValue(fields.first('source', 'channel', 'platform'))),
  ];
}
