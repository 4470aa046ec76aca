import { useEffect, useRef } from 'react';

const TEXT_INPUTS =
  'input:not([type=radio], [type=checkbox], [type=range]), textarea, select, dialog';

/** Keys that work wherever the focus is, except while somebody writes; Ctrl+S works there too. */
export function useGlobalKeys(isOn: boolean, onKey: (event: KeyboardEvent) => boolean): void {
  const latest = useRef(onKey);
  useEffect(() => {
    latest.current = onKey;
  });
  useEffect(() => {
    if (!isOn) return;
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return;
      const target = event.target as HTMLElement | null;
      const isSave = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's';
      const isTyping = target?.closest(TEXT_INPUTS) != null && !isSave;
      if (!isTyping && latest.current(event)) event.preventDefault();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [isOn]);
}

/** Ask before the window is closed while something is not saved. */
export function useUnloadWarning(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [isChanged]);
}
