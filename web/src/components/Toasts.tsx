import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react';
import { t } from '../texts';
import { IconButton } from './Button';

type Tone = 'info' | 'good' | 'bad';
type Toast = {
  readonly id: number;
  readonly tone: Tone;
  readonly text: string;
  readonly since: number;
};
type Notify = (text: string, tone?: Tone) => void;

const SHOWN_MS = 6000;
const NotifyContext = createContext<Notify>(() => {});

/** Says something briefly; what is bad stays until it is dismissed, or read and another page opened. */
export function useNotify(): Notify {
  return useContext(NotifyContext);
}

let lastId = 0;

export function Toasts({ children }: { readonly children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const dismiss = useCallback(
    (id: number) => setToasts((all) => all.filter((x) => x.id !== id)),
    [],
  );
  const notify = useCallback<Notify>(
    (text, tone = 'info') => {
      const id = ++lastId;
      setToasts((all) =>
        [...all.filter((x) => x.text !== text), { id, tone, text, since: Date.now() }].slice(-2),
      );
      if (tone !== 'bad') setTimeout(() => dismiss(id), SHOWN_MS);
    },
    [dismiss],
  );
  useEffect(() => {
    const onPage = () => setToasts((all) => all.filter((x) => Date.now() - x.since < SHOWN_MS));
    window.addEventListener('hashchange', onPage);
    return () => window.removeEventListener('hashchange', onPage);
  }, []);
  return (
    <NotifyContext value={notify}>
      {children}
      <section className="toasts" aria-live="polite" aria-relevant="additions">
        {toasts.map((toast) => (
          <div key={toast.id} className={`toast toast-${toast.tone}`}>
            <p>{toast.text}</p>
            <IconButton icon="close" label={t.common.dismiss} onClick={() => dismiss(toast.id)} />
          </div>
        ))}
      </section>
    </NotifyContext>
  );
}
