/** Changes of single letters, compared with the length of a name, beyond which it is another name. */
const MAX_CHANGED_SHARE = 0.4;

/** The one of some names that was probably meant; null where none is near. */
export function nearestName(given: string, names: readonly string[]): string | null {
  let nearest: string | null = null;
  let least = Math.floor(Math.min(given.length, 40) * MAX_CHANGED_SHARE) + 1;
  for (const name of names) {
    const changes = changesBetween(given.toLowerCase().slice(0, 40), name.toLowerCase());
    if (changes >= least) continue;
    least = changes;
    nearest = name;
  }
  return nearest;
}

/** The Levenshtein distance: letters to add, to drop or to replace. */
function changesBetween(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let line = 1; line <= left.length; line++) {
    const next = [line];
    for (let column = 1; column <= right.length; column++) {
      const replaced = (row[column - 1] as number) + Number(left[line - 1] !== right[column - 1]);
      next.push(Math.min(replaced, (row[column] as number) + 1, (next[column - 1] as number) + 1));
    }
    row = next;
  }
  return row[right.length] as number;
}
