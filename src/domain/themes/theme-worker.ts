import { doThemeWork, type ThemeWork } from './theme-work.ts';

/** What the theme thread runs for each piece of work that it is sent. */
export default function run(work: ThemeWork): ReturnType<typeof doThemeWork> {
  return doThemeWork(work);
}
