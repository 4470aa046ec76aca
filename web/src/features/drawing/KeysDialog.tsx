import { Dialog } from '../../components/Dialog';
import { Table } from '../../components/Table';
import { t } from '../../texts';

type KeysDialogProps = {
  readonly rows: readonly (readonly [string, string])[];
  readonly onClose: () => void;
};

export function KeysDialog({ rows, onClose }: KeysDialogProps) {
  return (
    <Dialog title={t.keys.title} onClose={onClose}>
      <Table
        caption={t.keys.title}
        isCaptionHidden
        columns={[
          { key: 'key', name: t.keys.key, cell: ([key]) => <kbd>{key}</kbd> },
          { key: 'does', name: t.keys.does, cell: ([, does]) => does },
        ]}
        rows={rows}
        rowKey={([key]) => key}
      />
    </Dialog>
  );
}
