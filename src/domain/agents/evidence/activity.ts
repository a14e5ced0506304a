import type { Document } from '../../documents/document.ts';
import { Fields } from '../../documents/extractors/json.ts';
import { inlineValue } from '../../documents/extractors/values.ts';

/**
 * What a CRM says that a text is of: people who talked, something one of them sent, or a note for ourselves; null: it
 * does not say.
 */
export function activityOf({
  metadata,
  source,
}: Pick<Document, 'metadata' | 'source'>): 'talk' | 'letter' | 'note' | null {
  const said = inlineValue(new Fields(metadata, source).first('type', 'activitytype', 'activity')).toLowerCase();
  if (/\b(?:note|memo|task|internal|reminder)\b/u.test(said)) return 'note';
  if (/\b(?:e-?mail|letter|fax|message)\b/u.test(said)) return 'letter';
  return /\b(?:(?:phone |video )?calls?|meetings?|visits?|demos?|lunch|dinner|workshop|review|conversation|interview)\b/u.test(
    said,
  )
    ? 'talk'
    : null;
}
