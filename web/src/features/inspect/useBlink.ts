import { useEffect, useState } from 'react';

/** Slow enough to be no flashing. */
const TURN_MS = 600;

const isCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Both pictures in turn; who does not want motion turns them by hand with the same key. */
export function useBlink() {
  const [shown, setShown] = useState<'golden' | 'captured' | null>(null);
  const isOn = shown !== null;
  useEffect(() => {
    if (!isOn || isCalm()) return;
    const timer = setInterval(
      () => setShown((now) => (now === 'golden' ? 'captured' : 'golden')),
      TURN_MS,
    );
    return () => clearInterval(timer);
  }, [isOn]);
  const toggle = () =>
    setShown((now) => {
      if (now === null) return 'golden';
      return isCalm() && now === 'golden' ? 'captured' : null;
    });
  return { shown, toggle, stop: () => setShown(null) };
}
