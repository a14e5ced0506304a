import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import { isAdf } from './adf.ts';
import type { Extracted } from './extracted.ts';
import { Fields, isArray, listOf, unwrap } from './json.ts';
import { inlineValue, labelled, lastComments, layOut, longValue, nameList } from './values.ts';

/** What Jira keeps for itself: ranks (`0|i000av:`), Java objects printed by a server add-on, empty panels. */
const MACHINE_VALUE = /^(?:\d\|[\w:]+|[\w.$]+@[0-9a-f]{5,}|\{\}|\{[\w ]+=\{.*)$/;
/** A sprint as Jira Server prints it. */
const PRINTED_SPRINT = /^com\.atlassian\.greenhopper.*\[.*?\bname=([^,\]]+)/;
const COMMENTS_KEPT = 3;

/**
 * A Jira issue as the REST API gives it (v2 with strings, v3 with documents), as a webhook sends it, or flat.
 * @see https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/
 */
export function extractJiraIssue(source: JsonObject): Extracted {
  const issue = unwrap(source, 'issue');
  const issueObject = isJsonObject(source.issue) ? source.issue : source;
  const inner = isJsonObject(issueObject.fields) ? issueObject.fields : {};
  const fields = new Fields(inner, issueObject.renderedFields, issueObject, source);
  const title = inlineValue(fields.first('summary', 'title', 'name', 'subject')) || null;
  const comments = [
    ...listOf(fields.first('comment', 'comments')),
    ...(isJsonObject(source.comment) && source.comment.body !== undefined ? [source.comment] : []),
  ];
  const text = layOut(
    title ?? '',
    longValue(fields.first('description', 'body', 'details', 'content', 'text')),
    longValue(fields.first('environment')),
    [
      labelled('Type', inlineValue(fields.first('issuetype', 'type', 'issuetypename', 'kind'))),
      labelled('Priority', inlineValue(fields.first('priority', 'priorityname'))),
      labelled('Status', inlineValue(fields.first('status', 'state'))),
      labelled('Labels', nameList(fields.first('labels', 'label', 'tags'))),
      labelled('Components', nameList(fields.first('components', 'component'))),
    ],
    customFields([inner, issueObject, source], new Fields(issue.first('names'), source.names)),
    labelled('Comments', lastComments(comments, COMMENTS_KEPT).join('\n\n')),
  );
  return { title, text };
}

/** The key that people name the issue by, such as `MOB-281`; '' where the source has none. */
export function jiraIssueKey(source: JsonObject): string {
  const issue = isJsonObject(source.issue) ? source.issue : source;
  return inlineValue(new Fields(issue, source).first('key', 'issuekey'));
}

/** Custom fields by the names the response has for them (`expand=names`), or by their values alone. */
function customFields(objects: readonly JsonObject[], names: Fields): string[] {
  const lines: string[] = [];
  for (const [key, value] of objects.flatMap((object) => Object.entries(object))) {
    if (/^custom_?field_?\d+$/i.test(key)) {
      lines.push(line(inlineValue(names.first(key.toLowerCase().replace(/[^a-z0-9]/g, ''))), value));
    } else if (/^custom_?fields?(?:_?values)?$/i.test(key)) {
      for (const named of namedFields(value)) lines.push(named);
    }
  }
  return lines;
}

/** `{ "Severity": "S1" }` or `[{ "name": "Severity", "value": "S1" }]`. */
function namedFields(value: JsonValue | undefined): string[] {
  if (isArray(value)) {
    return value.map((element) => {
      if (!isJsonObject(element)) return line('', element);
      const field = new Fields(element);
      const content = field.first('value', 'values', 'displayvalue', 'text', 'content');
      const name = inlineValue(field.first('name', 'label', 'fieldname', 'title', 'field', 'key'));
      return content === undefined
        ? Object.entries(element)
            .map(([key, inner]) => line(key, inner))
            .join('\n')
        : line(name, content);
    });
  }
  return isJsonObject(value)
    ? Object.entries(value).map(([key, inner]) => line(readableKey(key), inner))
    : [line('', value)];
}

function readableKey(key: string): string {
  return /^custom_?field_?\d+$/i.test(key) ? '' : key.replace(/_/g, ' ');
}

function line(name: string, value: JsonValue | undefined): string {
  const text = customValue(value);
  return name === '' ? text : labelled(name, text);
}

function customValue(value: JsonValue | undefined): string {
  if (isArray(value))
    return nameList(value.map((element) => (isArray(element) ? inlineValue(element) : customValue(element))));
  if (typeof value === 'string') {
    const sprint = PRINTED_SPRINT.exec(value)?.[1];
    if (sprint !== undefined) return sprint;
    return MACHINE_VALUE.test(value) ? '' : longValue(value);
  }
  return isJsonObject(value) && isAdf(value) ? longValue(value) : inlineValue(value);
}
