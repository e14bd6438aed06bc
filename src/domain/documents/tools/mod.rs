//! The domain's capabilities: one line and one file each.

use crate::capability::module::capabilities;

capabilities! {
    document_upload: DocumentUpload,
    document_get: DocumentGet,
    document_search: DocumentSearch,
    document_embeddings: DocumentEmbeddings,
    document_classify: DocumentClassify,
    document_extract: DocumentExtract,
    document_delete: DocumentDelete,
}
