import type { JsonObject } from '../../../shared/json.ts';
import type { Extracted } from './extracted.ts';
import { unwrap } from './json.ts';
import { inlineValue, layOut, longValue } from './values.ts';

/** Plain text of any origin: its title stands beside the text, not in it. */
export function extractText(source: JsonObject): Extracted {
  const fields = unwrap(source, 'document', 'data');
  const title = inlineValue(fields.first('title', 'name', 'subject', 'headline')) || null;
  const bodies = fields.all('text', 'content', 'body', 'description', 'markdown', 'html', 'summary', 'message');
  return { title, text: layOut(...bodies.map((value) => longValue(value))) };
}
