import type { JsonObject } from '../../../shared/json.ts';

/** Interfaces of plain JSON are no `JsonValue` to the compiler; what is made of them is. */
export function jsonShaped<Value extends object>(value: Value): Value & JsonObject {
  return value as Value & JsonObject;
}
