import { SingleBar } from 'cli-progress';
import type { JobEvent } from './job-follower.ts';

/** Shows on standard error how far something is; standard output is for what came of it. */
export interface ProgressView {
  sent(bytes: number, totalBytes: number): void;
  job(event: JobEvent): void;
  /** A line of its own. */
  note(text: string): void;
  /** Nothing more will be shown. */
  end(): void;
}

/** Bars on a terminal; elsewhere lines, as a log wants them. */
export function createProgressView(stream: NodeJS.WriteStream): ProgressView {
  return stream.isTTY ? new BarView(stream) : new LineView(stream);
}

class BarView implements ProgressView {
  readonly #stream: NodeJS.WriteStream;
  #bar: SingleBar | null = null;
  #shown: 'sent' | 'job' | null = null;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  sent(bytes: number, totalBytes: number): void {
    const bar = this.#barOf('sent', '  Sending   {bar} {percentage}%  {sent} of {size}', totalBytes);
    bar.update(bytes, { sent: asBytes(bytes), size: asBytes(totalBytes) });
  }

  job({ status, progress }: JobEvent): void {
    const { done, failed, total } = progress;
    const bar = this.#barOf('job', '  Importing {bar} {percentage}%  {state}', total ?? 0);
    bar.setTotal(total ?? 0);
    bar.update(Math.min(done + failed, total ?? 0), { state: describe(status, progress) });
  }

  note(text: string): void {
    this.end();
    this.#stream.write(`  ${text}\n`);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = null;
    this.#shown = null;
  }

  #barOf(what: 'sent' | 'job', format: string, total: number): SingleBar {
    if (this.#bar !== null && this.#shown === what) return this.#bar;
    this.end();
    this.#shown = what;
    this.#bar = new SingleBar({
      ...{ format, stream: this.#stream, barCompleteChar: '█', barIncompleteChar: '░', barsize: 30 },
      ...{ hideCursor: true, gracefulExit: false, etaBuffer: 10 },
    });
    this.#bar.start(total, 0, { sent: '', size: '', state: '' });
    return this.#bar;
  }
}

/** A line at each tenth, and at each change of what is said beside the numbers. */
class LineView implements ProgressView {
  readonly #stream: NodeJS.WriteStream;
  #last = '';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  sent(bytes: number, totalBytes: number): void {
    this.#line(`sent ${tenth(bytes, totalBytes)}`, `sent ${asBytes(bytes)} of ${asBytes(totalBytes)}`);
  }

  job({ status, progress }: JobEvent): void {
    const { done, failed, total } = progress;
    this.#line(`${status} ${tenth(done + failed, total ?? 0)} ${progress.message}`, describe(status, progress));
  }

  note(text: string): void {
    this.#line(text, text);
  }

  end(): void {}

  #line(step: string, text: string): void {
    if (step === this.#last) return;
    this.#last = step;
    this.#stream.write(`${text}\n`);
  }
}

const tenth = (part: number, whole: number) => (whole === 0 ? 10 : Math.floor((part / whole) * 10));

function describe(status: JobEvent['status'], progress: JobEvent['progress']): string {
  const { done, failed, total, ratePerSecond, etaSeconds, message } = progress;
  const parts = [
    status.toLowerCase(),
    done + failed === 0 && total === null ? '' : `${done + failed}${total === null ? '' : ` of ${total}`} records`,
    failed > 0 ? `${failed} failed` : '',
    ratePerSecond === null ? '' : `${ratePerSecond.toFixed(ratePerSecond < 10 ? 1 : 0)}/s`,
    etaSeconds === null || etaSeconds === 0 ? '' : `${asTime(etaSeconds)} to go`,
    message ?? '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function asTime(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3_600 ? `${Math.ceil(whole / 60)} min` : `${(whole / 3_600).toFixed(1)} h`;
}

function asBytes(bytes: number): string {
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(bytes < 1_000 ? 3 : 0)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}
