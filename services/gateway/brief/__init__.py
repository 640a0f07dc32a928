"""The daily brief (điểm báo): collected over the services, written as DOCX, PDF or plain text."""
