const NAME =
  /\p{Lu}[\p{L}\p{M}\p{N}'’&-]*(?: (?:(?:of|de|van|von|der|den|la|di|and|&) )?\p{Lu}[\p{L}\p{M}\p{N}'’&-]*)*/gu;
/** Words that have a capital letter for where they stand, or stand in too many texts to name anything. */
const NO_NAME =
  /^(?:I|A|An|The|This|That|These|Those|It|We|You|They|He|She|Our|Your|My|His|Her|Their|Its|If|When|While|Who|Whom|Whose|What|Which|Where|Why|How|Is|Are|Was|Were|Do|Does|Did|Can|Could|Should|Would|Will|Has|Have|Had|And|But|Or|So|In|On|At|To|For|From|With|By|Of|As|After|Before|Since|Until|No|Not|Yes|Please|There|Here|Then|Now|Today|Compare|Tell|Mr|Mrs|Ms|Dr|Author|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|March|April|May|June|July|August|September|October|November|December)$/u;

/**
 * The proper names in a text, in their order, each once: runs of words with capital letters. A single word that begins a
 * sentence has its capital anyway, and is none unless it stands elsewhere too.
 */
export function properNames(text: string): string[] {
  const names = new Map<string, boolean>();
  for (const { 0: match, index } of text.matchAll(NAME)) {
    const words = match.split(' ');
    const skipped = words.findIndex((word) => !NO_NAME.test(word));
    if (skipped === -1) continue;
    const name = words.slice(skipped).join(' ');
    const isFirst = skipped === 0 && /(?:^|[.!?:\n“"(\-•]\s*)$/u.test(text.slice(0, index));
    const isSure = !isFirst || words.length - skipped > 1;
    names.set(name, (names.get(name) ?? false) || isSure);
  }
  return [...names].flatMap(([name, isSure]) => (isSure && name.length > 1 ? [name] : []));
}
