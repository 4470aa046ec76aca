import { useState, useSyncExternalStore } from 'react';
import type { ViewStatus } from '../../canvas/Viewer';
import { t } from '../../texts';

/** Where the pointer is; kept beside the page, so that only this bar follows each move. */
class StatusStore {
  private status: ViewStatus = { at: null, scale: 1 };
  private readonly listeners = new Set<() => void>();

  readonly read = () => this.status;

  readonly set = (change: Partial<ViewStatus>) => {
    this.status = { ...this.status, ...change };
    for (const listener of this.listeners) listener();
  };

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export function useStatusStore(): StatusStore {
  return useState(() => new StatusStore())[0];
}

type StatusBarProps = {
  readonly store: StatusStore;
  readonly hint: string;
  readonly helpId: string;
  /** What is read out with the image. */
  readonly help?: string;
};

export function StatusBar({ store, hint, helpId, help = t.viewer.help }: StatusBarProps) {
  const { at, scale } = useSyncExternalStore(store.subscribe, store.read);
  return (
    <div className="status-bar">
      <span className="status-hint">{hint}</span>
      <span className="visually-hidden" id={helpId}>
        {help}
      </span>
      {at && <span>{t.viewer.at(at[0].toFixed(0), at[1].toFixed(0))}</span>}
      <span>{t.viewer.zoom((scale * 100).toFixed(scale < 0.1 ? 1 : 0))}</span>
    </div>
  );
}
