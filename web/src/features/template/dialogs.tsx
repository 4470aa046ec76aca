import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Table } from '../../components/Table';
import { t } from '../../texts';

export function KeysDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title={t.keys.title} onClose={onClose}>
      <Table
        caption={t.keys.title}
        isCaptionHidden
        columns={[
          { key: 'key', name: t.keys.key, cell: ([key]) => <kbd>{key}</kbd> },
          { key: 'does', name: t.keys.does, cell: ([, does]) => does },
        ]}
        rows={t.keys.rows}
        rowKey={([key]) => key}
      />
    </Dialog>
  );
}

type LossProps = { readonly onKeep: () => void; readonly onGo: () => void };

/** Asks before drawings that are not saved are replaced. */
export function LossDialog({ onKeep, onGo }: LossProps) {
  return (
    <Dialog
      title={t.template.lossReplace}
      onClose={onKeep}
      actions={
        <>
          <Button onClick={onKeep}>{t.template.lossKeep}</Button>
          <Button look="danger" onClick={onGo}>
            {t.template.lossGo}
          </Button>
        </>
      }
    >
      <p>{t.template.lossText}</p>
    </Dialog>
  );
}
