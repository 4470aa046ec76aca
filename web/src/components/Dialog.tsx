import { type ReactNode, useEffect, useId, useRef } from 'react';
import { t } from '../texts';
import { IconButton } from './Button';

type DialogProps = {
  readonly title: string;
  readonly onClose: () => void;
  /** As large as the window. */
  readonly isWide?: boolean;
  readonly children: ReactNode;
  readonly actions?: ReactNode;
  readonly isWide?: boolean;
};

/** A modal dialog; shown as long as it is rendered. */
export function Dialog({ title, onClose, children, actions, isWide }: DialogProps) {
export function Dialog({ title, onClose, isWide = false, children, actions }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className={isWide ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        <IconButton icon="close" label={t.common.close} onClick={onClose} />
      </header>
      <div className="dialog-body">{children}</div>
      {actions && <footer>{actions}</footer>}
    </dialog>
  );
}
