import { useEffect, useRef } from 'react';

const TEXT = 'input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]';
const PRESSED = 'button, a, summary, [role=tab], input';

/**
 * Keys of a page, wherever the focus is; not while something is written or a dialog is open.
 *
 * The handler returns true when it used the key. Enter and space stay with a focused button.
 */
export function useKeys(isOn: boolean, handler: (key: string, event: KeyboardEvent) => boolean) {
  const latest = useRef(handler);
  latest.current = handler;
  useEffect(() => {
    if (!isOn) return;
    const onKey = (event: KeyboardEvent) => {
      const target = event.target instanceof Element ? event.target : document.body;
      if (event.defaultPrevented || target.closest(TEXT) || document.querySelector('dialog[open]'))
        return;
      if ((event.key === 'Enter' || event.key === ' ') && target.closest(PRESSED)) return;
      if (latest.current(event.key, event)) event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [isOn]);
}
