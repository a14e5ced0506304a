/** English words that stand in nearly every sentence: they tell nothing of what it is about. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a about after all am an and any are as at be because been before being but by can could did do does doing for ' +
    'from had has have having he her here him his how i if in into is it its me more most my no nor not of off on or ' +
    'our out over own same she should so some such than that the their them then there these they this those to too ' +
    'under until up very was we were what when where which while who whom why will with would you your'
  ).split(' '),
);
