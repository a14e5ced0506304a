const SLASH = 47;

/** A base url as people give it, ready for a path to be added. */
export function withoutTrailingSlash(url: string): string {
  let end = url.length;
  while (end > 0 && url.charCodeAt(end - 1) === SLASH) end -= 1;
  return url.slice(0, end);
}
