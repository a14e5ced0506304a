/** Things that were found, in the order in which they were asked for. */
export function inOrder<Item extends { id: string }>(ids: readonly string[], items: readonly Item[]): (Item | null)[] {
  const found = new Map(items.map((item) => [item.id, item]));
  return ids.map((id) => found.get(id) ?? null);
}

/** What a map holds under a key, made where it holds nothing yet. */
export function remembered<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
