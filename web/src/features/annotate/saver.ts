/** Saves by itself, a little after the last change; one request at a time. */

export type SaveState = {
  readonly kind: 'saved' | 'changed' | 'saving' | 'conflict' | 'failed';
  readonly error: unknown;
};

const DELAY_MS = 700;
const SAVED: SaveState = { kind: 'saved', error: null };

export class Saver<T> {
  private wanted: { readonly value: T } | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private running: Promise<boolean> | null = null;
  private state = SAVED;
  private readonly listeners = new Set<() => void>();

  /**
   * @param revision What the editor has loaded.
   * @param write Returns the new revision.
   * @param isConflict Whether an error means that somebody else wrote in between.
   */
  constructor(
    private revision: number,
    private readonly write: (value: T, revision: number) => Promise<number>,
    private readonly isConflict: (error: unknown) => boolean,
    private readonly delayMs = DELAY_MS,
  ) {}

  readonly read = (): SaveState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  change(value: T): void {
    this.wanted = { value };
    if (this.state.kind === 'conflict') return; // until somebody has decided
    this.set({ kind: 'changed', error: null });
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), this.delayMs);
  }

  /** Save now what is not saved; true when nothing is left to save. */
  async flush(): Promise<boolean> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    while (this.running) await this.running;
    if (!this.wanted) return true;
    if (this.state.kind === 'conflict') return false;
    this.running = this.send(this.wanted);
    const isDone = await this.running;
    this.running = null;
    return isDone;
  }

  /** After a conflict: mine replaces what is there. */
  async overwrite(revision: number): Promise<boolean> {
    this.revision = revision;
    this.set({ kind: 'changed', error: null });
    return this.flush();
  }

  /** Mine is given up. */
  discard(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.wanted = null;
    this.set(SAVED);
  }

  private async send(what: { readonly value: T }): Promise<boolean> {
    this.set({ kind: 'saving', error: null });
    try {
      this.revision = await this.write(what.value, this.revision);
    } catch (error) {
      this.set({ kind: this.isConflict(error) ? 'conflict' : 'failed', error });
      return false;
    }
    if (this.wanted !== what) {
      this.set({ kind: 'changed', error: null });
      return false; // its own timer saves the rest
    }
    this.wanted = null;
    this.set(SAVED);
    return true;
  }

  private set(state: SaveState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
