import type { JsonValue } from '../../shared/json.ts';
import { storableJson } from '../../shared/text.ts';
import { UnkeepableResultError } from './errors.ts';

/** What a step or a run may come to. */
const JSON_MAX_BYTES = 262_144;

/**
 * A value as it is read back from the database: what no JSON has is left out, and so is what no database stores.
 * @throws UnkeepableResultError where it is no JSON, or too long
 */
export function plainJson<Value extends JsonValue>(what: string, value: Value): Value {
  const written: string | undefined = JSON.stringify(value);
  if (written === undefined) throw new UnkeepableResultError(`${what} is no JSON`);
  const bytes = Buffer.byteLength(written);
  if (bytes > JSON_MAX_BYTES) {
    throw new UnkeepableResultError(`${what} has ${bytes} bytes of JSON, and ${JSON_MAX_BYTES} are the most`);
  }
  return storableJson(JSON.parse(written) as Value);
}
