//! What can go wrong with documents.

use crate::kernel::codes::{Blame, Code, CodeRow, Retry};

/// It is broken.
pub(super) static UNREADABLE: CodeRow = CodeRow::of_caller(
    "document_unreadable",
    422,
    "The document is broken, cut off or empty: the sentence says what of it. Open it in the program that made it, save it again, and \
     upload that.",
);

/// It has more of something than it may.
pub(super) static TOO_LARGE: CodeRow = CodeRow::of_caller(
    "document_too_large",
    422,
    "The document has more of something than it may: pages, text, what comes out when it is unpacked, memory that reading it takes. The \
     sentence says of what. Divide it and upload the parts.",
);

/// What it is cannot be told.
pub(super) static TYPE_UNKNOWN: CodeRow = CodeRow::of_caller(
    "document_type_unknown",
    422,
    "The file is none that is read. PDF, DOCX, XLSX, PPTX, ODT, HTML, Markdown, text, CSV, mails (EML) and pictures are, told by their \
     content and not by their name.",
);

/// It is encrypted.
pub(super) static ENCRYPTED: CodeRow = CodeRow::of_caller(
    "document_encrypted",
    422,
    "The document opens with a password only. Save it without one and upload that.",
);

/// Reading it took too long.
pub(super) static TIMED_OUT: CodeRow = CodeRow::of_caller(
    "parsing_timed_out",
    422,
    "Reading the document took too long and was stopped. Divide it and upload the parts; where text is recognised in pictures, set \
     includeOcr to false.",
);

/// There are too many.
pub(super) static TOO_MANY: CodeRow = CodeRow::of_caller(
    "too_many_documents",
    422,
    "The tenant has as many documents as it may. Delete some with document_delete.",
);

/// The model did not answer in the form that it was asked for.
pub(super) static MODEL_UNFIT: CodeRow = CodeRow::of_caller(
    "document_model_unfit",
    422,
    "The model that was demanded did not answer in the form that it was asked for. Name another model, or leave `method` and `model` out: \
     rules tell then what it does not.",
);

/// Nothing makes vectors here.
pub(super) static NO_EMBEDDER: CodeRow = CodeRow {
    name: "no_embedder_configured",
    status: 501,
    blame: Blame::Operator,
    retry: Retry::Never,
    mend: "Nothing makes vectors here. Set embeddings.model in the configuration: to a model as `provider/model` whose key is there, or to `local` \
           with the folder of a model in embeddings.folder. Documents are found by their words all the same.",
};

/// All of them.
pub(super) static ALL: &[Code] =
    &[&UNREADABLE, &TOO_LARGE, &TYPE_UNKNOWN, &ENCRYPTED, &TIMED_OUT, &TOO_MANY, &MODEL_UNFIT, &NO_EMBEDDER];
