import { ProviderError } from '../plugins/errors.ts';
import { isJsonObject } from '../shared/json.ts';

/**
 * A vendor's request with a caller's own fields added as they are. Where both have one, lists are joined and objects
 * merged, so that an option beside ours (an effort beside a schema) takes nothing away; else the caller's value counts.
 * @param own fields that the request itself decides
 * @throws ProviderError `bad_request` where an option is one of `own`
 */
export function withVendorOptions<Body extends object>(
  body: Body,
  options: Readonly<Record<string, unknown>> | undefined,
  own: readonly string[],
): Body {
  if (options === undefined) return body;
  const taken = own.find((field) => field in options);
  if (taken !== undefined) {
    throw new ProviderError('bad_request', `vendorOptions.${taken}: this field is decided by the request itself.`);
  }
  return merged(body, options) as Body;
}

function merged(ours: object, theirs: object): object {
  const result: Record<string, unknown> = { ...ours };
  for (const [field, value] of Object.entries(theirs)) {
    const known = result[field];
    if (Array.isArray(known) && Array.isArray(value)) result[field] = [...known, ...value];
    else if (isJsonObject(known) && isJsonObject(value)) result[field] = merged(known, value);
    else result[field] = value;
  }
  return result;
}
